# SPDX-License-Identifier: Apache-2.0
"""OpenJDK: threads, garbage that is collected, files, a server on loopback."""
from building import java
from program import Program

PROGRAM = Program(["java", "-Xmx128m", "-cp", "{build}/java", "Crowd"], ["java", "javac"], build=java("Crowd.java"))
