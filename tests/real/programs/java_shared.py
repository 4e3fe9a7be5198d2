# SPDX-License-Identifier: Apache-2.0
"""OpenJDK as it is: it shares a file of counters with whoever looks, which travels with it until somebody does."""
from building import java
from program import Program

PROGRAM = Program(["java", "-Xmx128m", "-cp", "{build}/java", "Crowd"], ["java", "javac"], build=java("Crowd.java"))
