# SPDX-License-Identifier: Apache-2.0
"""OpenJDK, told not to share memory: threads, garbage that is collected, files, a server on loopback."""
from building import java
from program import Program

# Without this option it shares a file of counters with whoever looks, see java_shared.
AWAY = "-XX:+PerfDisableSharedMem"
PROGRAM = Program(["java", AWAY, "-Xmx128m", "-cp", "{build}/java", "Crowd"], ["java", "javac"], build=java("Crowd.java"))
