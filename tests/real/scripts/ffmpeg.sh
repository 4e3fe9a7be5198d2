# SPDX-License-Identifier: Apache-2.0
# Two threads encode and decode; the same bits every time.
set -eu
quiet='-nostdin -v error -y'
ffmpeg $quiet -f lavfi -i testsrc2=size=480x270:rate=25:duration=4 -f lavfi -i sine=frequency=440:duration=4 \
    -c:v libx264 -preset veryfast -threads 2 -c:a aac -flags +bitexact -fflags +bitexact film.mkv
ffmpeg $quiet -threads 2 -i film.mkv -vf scale=160:90 -f framemd5 frames
grep -v '^#software' frames | sha256sum
ffmpeg $quiet -i film.mkv -map 0:a -f s16le - | wc -c
ffprobe -v error -show_entries stream=codec_name,width,height,nb_read_frames -count_frames -of compact film.mkv
