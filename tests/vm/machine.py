# SPDX-License-Identifier: Apache-2.0
"""Machine: a node of a lab that is a virtual machine, with the distribution's own kernel and an emulated CPU.

The lab's node gives its place in the network; its `roved` is ended, and another one begins in the machine with the same
configuration. The machine sees the files of this one, read-only, so that nothing has to be copied.
"""
import contextlib
import gzip
import itertools
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

FOLDER = pathlib.Path(__file__).resolve().parent
MODULES = ("9p", "9pnet", "9pnet_virtio", "netfs", "fscache", "virtio", "virtio_ring", "virtio_pci", "virtio_pci_legacy_dev",
           "virtio_pci_modern_dev", "virtio_net", "virtio_console", "failover", "net_failover")
BOOT_S = 240  # emulated, and the machine may be busy
MEMORY_MIB = 1024


class Kernel:
    """The distribution's kernel, unpacked and not installed: `image`, and `initrd` with what is needed to reach the files."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        depends = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=True).stdout
        self.package = re.search(r"Depends: (linux-image-\S+)", depends).group(1)
        self.version = self.package.removeprefix("linux-image-")
        self.image, self.initrd = self.folder / f"boot/vmlinuz-{self.version}", self.folder / f"initrd-{self.version}"
        if not self.image.exists():
            self.fetch()
        self.make_initrd()

    def fetch(self):
        with tempfile.TemporaryDirectory() as place:
            os.chmod(place, 0o755)
            subprocess.run(["apt-get", "-q", "download", self.package], cwd=place, check=True, capture_output=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            subprocess.run(["dpkg-deb", "-x", next(pathlib.Path(place).glob("*.deb")), self.folder], check=True)

    def make_initrd(self):
        with tempfile.TemporaryDirectory() as place:
            root = pathlib.Path(place)
            (root / "bin").mkdir()
            shutil.copy("/bin/busybox", root / "bin")
            shutil.copy(FOLDER / "init.sh", root / "init")
            (root / "init").chmod(0o755)
            modules = pathlib.Path("lib/modules") / self.version
            for module in (self.folder / modules).rglob("*.ko"):
                if module.stem in MODULES:
                    target = root / module.relative_to(self.folder)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(module, target)
            for name in ("modules.order", "modules.builtin"):
                shutil.copy(self.folder / modules / name, root / modules)
            subprocess.run(["/bin/busybox", "depmod", "-b", root, self.version], check=True, capture_output=True)
            files = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
            packed = subprocess.run(["/bin/busybox", "cpio", "-o", "-H", "newc"], cwd=root, input=files, capture_output=True, check=True)
            self.initrd.write_bytes(gzip.compress(packed.stdout, 1))


class Machine:
    """`node` of `lab` (an object with run() and do(), as conftest.Lab) as a virtual machine. Ends with stop()."""

    def __init__(self, lab, node, kernel, cpu="Haswell-noTSX"):
        self.lab, self.node, self.kernel = lab, node, kernel
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rove-vm-"))
        self.console = self.folder / "console"
        self.ids, self.answers, self.arrived = itertools.count(1), {}, threading.Condition()
        self.process = None
        try:
            self.begin(cpu)
        except BaseException:
            self.stop()
            raise

    def begin(self, cpu):
        address = self.lab.address(self.node)
        self.lab.do("daemon", self.node, "kill")
        mac = self.plug_in()
        lab_folder = f"/run/rove-lab/{self.lab.name}"
        words = {"name": self.node, "address": address, "lab": lab_folder, "agent": FOLDER / "agent.py"}
        command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", cpu, "-smp", "2", "-m", str(MEMORY_MIB), "-nodefaults", "-nographic",
                   "-no-reboot", "-kernel", self.kernel.image, "-initrd", self.kernel.initrd,
                   "-append", " ".join(["console=ttyS0 quiet panic=-1", *(f"rove.{key}={value}" for key, value in words.items())]),
                   "-serial", f"file:{self.console}",
                   "-virtfs", "local,path=/,mount_tag=files,security_model=none,readonly=on,multidevs=remap",
                   "-virtfs", f"local,path={lab_folder},mount_tag=lab,security_model=none,readonly=on,id=lab",
                   "-netdev", "tap,id=net,ifname=tap0,script=no,downscript=no", "-device", f"virtio-net-pci,netdev=net,mac={mac},romfile=",
                   "-device", "virtio-serial", "-chardev", f"socket,id=agent,path={self.folder}/agent,server=on,wait=off",
                   "-device", "virtserialport,chardev=agent,name=agent"]
        self.process = self.lab.start(self.node, *command, stdout=open(self.folder / "qemu", "w"), stderr=subprocess.STDOUT)
        self.port = socket.socket(socket.AF_UNIX)
        self.port.settimeout(BOOT_S)
        self.until(self.connect, "virtual machine")
        threading.Thread(target=self.listen, daemon=True).start()
        self.await_answer(0, BOOT_S)
        config = f"{lab_folder}/{self.node}/rove.toml"
        roved = pathlib.Path(self.lab.rove).parent / "roved"
        threading.Thread(target=self.run, args=([str(roved), "--config", config],), kwargs={"limit": 1e6, "check": False}, daemon=True).start()

    def plug_in(self):
        """The node's place in the network becomes the machine's: its address, and the hardware address that others know."""
        script = ("mac=$(cat /sys/class/net/eth0/address); ip address flush dev eth0; ip link set eth0 down; "
                  "ip link set eth0 address 02:00:00:00:00:01; ip link add br0 type bridge; ip tuntap add tap0 mode tap; "
                  "for each in eth0 tap0; do ip link set $each master br0; ip link set $each up; done; ip link set br0 up; echo $mac")
        return self.lab.run(self.node, "sh", "-ec", script).stdout.strip()

    def connect(self):
        with contextlib.suppress(OSError):
            self.port.connect(f"{self.folder}/agent")
            return True

    def until(self, condition, what, limit=BOOT_S):
        end = time.monotonic() + limit
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"there was no {what}: {self.said()}")
            time.sleep(0.1)

    def said(self):
        """What went wrong, perhaps."""
        return "\n".join((self.folder / name).read_text(errors="replace")[-2000:] for name in ("qemu", "console") if (self.folder / name).exists())

    def listen(self):
        rest = b""
        with contextlib.suppress(OSError):
            self.port.settimeout(None)
            while got := self.port.recv(65536):
                *lines, rest = (rest + got).split(b"\n")
                for line in lines:
                    answer = json.loads(line)
                    with self.arrived:
                        self.answers[answer["id"]] = answer
                        self.arrived.notify_all()

    def await_answer(self, number, limit):
        with self.arrived:
            found = self.arrived.wait_for(lambda: self.answers.pop(number, None), limit)
        assert found, f"the virtual machine does not answer: {self.said()}"
        return found

    def run(self, argv, check=True, limit=120, **env):
        """Runs a command in the machine; an object with status, out and err."""
        number = next(self.ids)
        self.port.sendall(json.dumps({"id": number, "argv": [str(word) for word in argv], "env": env}).encode() + b"\n")
        done = self.await_answer(number, limit)
        assert not check or done["status"] == 0, f"{argv}: {done}"
        return done

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
