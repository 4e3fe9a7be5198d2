# SPDX-License-Identifier: Apache-2.0
# Two threads encode and decode. x264 gives the same bits every time only if its threads share the slices of one frame.
set -eu
quiet='-nostdin -v error -y'
exact='-flags +bitexact -fflags +bitexact'
ffmpeg $quiet -f lavfi -i testsrc2=size=480x270:rate=25:duration=5 $exact -c:v libx264 -preset veryfast -threads 2 -x264-params sliced-threads=1 picture.mkv
ffmpeg $quiet -f lavfi -i testsrc2=size=480x270:rate=25:duration=5 $exact -c:v mpeg4 -q:v 4 -threads 2 other.mkv
ffmpeg $quiet -f lavfi -i sine=frequency=440:duration=5 $exact -c:a aac sound.mkv
ffmpeg $quiet -i picture.mkv -i sound.mkv $exact -c copy film.mkv
ffmpeg $quiet -threads 2 -i film.mkv -vf scale=160:90 -f framemd5 frames
grep -v '^#software' frames | sha256sum
ffmpeg $quiet -i film.mkv -map 0:a -f s16le - | wc -c
ffprobe -v error -show_entries stream=codec_name,width,height,nb_read_frames -count_frames -of compact film.mkv
