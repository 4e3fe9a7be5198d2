# SPDX-License-Identifier: Apache-2.0
"""FFmpeg: makes pictures and sound, encodes with threads and decodes again; digests of frames."""
from program import Program, script

PROGRAM = Program(["sh", script("ffmpeg.sh")], ["ffmpeg"], files=["*.mkv"])
