#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# The virtual machine's first program. It has the files of the machine that it runs on, and may change none of them.
busybox=/bin/busybox
for directory in proc sys dev root; do $busybox mkdir -p /$directory; done
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sys /sys
$busybox mount -t devtmpfs dev /dev
for module in virtio_pci virtio_net virtio_console 9p 9pnet_virtio; do $busybox modprobe $module; done
word() { $busybox sed -n "s/.*rove\\.$1=\\([^ ]*\\).*/\\1/p" /proc/cmdline; }
$busybox mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 files /root
$busybox mount --move /dev /root/dev
$busybox mount -t proc proc /root/proc
$busybox mount -t sysfs sys /root/sys
$busybox mount -t tmpfs run /root/run
$busybox mount -t cgroup2 cgroup2 /root/sys/fs/cgroup
$busybox mkdir -p /root/dev/pts /root/dev/shm /root/run/rove /root$(word lab)
$busybox mount -t devpts devpts /root/dev/pts
$busybox mount -t tmpfs shm /root/dev/shm
$busybox mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144 lab /root$(word lab)
$busybox hostname $(word name)
$busybox ip link set lo up
$busybox ip address add $(word address)/16 dev eth0
$busybox ip link set eth0 up
for port in /dev/virtio-ports/* /root/dev/vport*; do [ -e $port ] && agent=${port#/root}; done
exec $busybox switch_root /root /usr/bin/python3 $(word agent) $agent
