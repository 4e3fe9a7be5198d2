# SPDX-License-Identifier: Apache-2.0
"""OpenJDK as it is: it shares a file of counters with whoever looks, so it stays at home and says so."""
from building import java
from program import Program

PROGRAM = Program(["java", "-Xmx128m", "-cp", "{build}/java", "Crowd"], ["java", "javac"], build=java("Crowd.java"))
