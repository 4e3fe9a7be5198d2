// SPDX-License-Identifier: Apache-2.0
// Ioctl: by request: a table of those whose number says nothing, and the number itself for the
// rest.
//
// A request of the modern kind says its direction and size. It is believed, except where drivers
// are known to follow pointers inside the struct, or to keep the caller's memory: those come home,
// and so does what is not known at all.
#include "syscalls/builder.hh"

#include <asm/ioctls.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>

namespace rove::syscalls {

namespace {

/// What the third argument of a request is.
enum class What : uint8_t { val, in, out, inout, home };

struct Request {
    uint32_t number;
    uint16_t size;
    What what;
};

constexpr uint16_t termios_bytes = 36, termio_bytes = 18, winsize_bytes = 8;
constexpr uint16_t ifreq_bytes = 40, arpreq_bytes = 68, rtentry_bytes = 120, serial_bytes = 72;

constexpr Request legacy[] = {
    // terminals
    {TCGETS, termios_bytes, What::out},
    {TCSETS, termios_bytes, What::in},
    {TCSETSW, termios_bytes, What::in},
    {TCSETSF, termios_bytes, What::in},
    {TCGETA, termio_bytes, What::out},
    {TCSETA, termio_bytes, What::in},
    {TCSETAW, termio_bytes, What::in},
    {TCSETAF, termio_bytes, What::in},
    {TCSBRK, 0, What::val},
    {TCXONC, 0, What::val},
    {TCFLSH, 0, What::val},
    {TIOCEXCL, 0, What::val},
    {TIOCNXCL, 0, What::val},
    {TIOCSCTTY, 0, What::val},
    {TIOCGPGRP, 4, What::out},
    {TIOCSPGRP, 4, What::in},
    {TIOCOUTQ, 4, What::out}, // also SIOCOUTQ
    {TIOCSTI, 1, What::in},
    {TIOCGWINSZ, winsize_bytes, What::out},
    {TIOCSWINSZ, winsize_bytes, What::in},
    {TIOCMGET, 4, What::out},
    {TIOCMBIS, 4, What::in},
    {TIOCMBIC, 4, What::in},
    {TIOCMSET, 4, What::in},
    {TIOCGSOFTCAR, 4, What::out},
    {TIOCSSOFTCAR, 4, What::in},
    {FIONREAD, 4, What::out}, // also TIOCINQ, SIOCINQ
    {TIOCLINUX, 0, What::home},
    {TIOCCONS, 0, What::val},
    {TIOCGSERIAL, serial_bytes, What::out},
    {TIOCSSERIAL, serial_bytes, What::in},
    {TIOCPKT, 4, What::in},
    {FIONBIO, 4, What::in},
    {TIOCNOTTY, 0, What::val},
    {TIOCSETD, 4, What::in},
    {TIOCGETD, 4, What::out},
    {TCSBRKP, 0, What::val},
    {TIOCSBRK, 0, What::val},
    {TIOCCBRK, 0, What::val},
    {TIOCGSID, 4, What::out},
    {TIOCGRS485, 32, What::out},
    {TIOCSRS485, 32, What::inout},
    {TIOCVHANGUP, 0, What::val},
    {FIONCLEX, 0, What::val},
    {FIOCLEX, 0, What::val},
    {FIOASYNC, 4, What::in},
    {TIOCMIWAIT, 0, What::val},
    {TIOCGICOUNT, 80, What::out},
    {TIOCGLCKTRMIOS, termios_bytes, What::out},
    {TIOCSLCKTRMIOS, termios_bytes, What::in},
    {FIOQSIZE, 8, What::out},
    // files and block devices with old numbers
    {FIBMAP, 4, What::inout},
    {FIGETBSZ, 4, What::out},
    {BLKROSET, 4, What::in},
    {BLKROGET, 4, What::out},
    {BLKRRPART, 0, What::val},
    {BLKGETSIZE, 8, What::out},
    {BLKFLSBUF, 0, What::val},
    {BLKRASET, 0, What::val},
    {BLKRAGET, 8, What::out},
    {BLKFRASET, 0, What::val},
    {BLKFRAGET, 8, What::out},
    {BLKSECTGET, 2, What::out},
    {BLKSSZGET, 4, What::out},
    {BLKIOMIN, 4, What::out},
    {BLKIOOPT, 4, What::out},
    {BLKALIGNOFF, 4, What::out},
    {BLKPBSZGET, 4, What::out},
    {BLKDISCARD, 16, What::in},
    {BLKSECDISCARD, 16, What::in},
    {BLKZEROOUT, 16, What::in},
    {BLKDISCARDZEROES, 4, What::out},
    {BLKROTATIONAL, 2, What::out},
    {BLKBSZGET, 4, What::out}, // their numbers say 8
    {BLKBSZSET, 4, What::in},
    {BLKGETSIZE64, 8, What::out},
    // sockets and network interfaces
    {FIOSETOWN, 4, What::in},
    {SIOCSPGRP, 4, What::in},
    {FIOGETOWN, 4, What::out},
    {SIOCGPGRP, 4, What::out},
    {SIOCATMARK, 4, What::out},
    {SIOCGSTAMP_OLD, 16, What::out},
    {SIOCGSTAMPNS_OLD, 16, What::out},
    {SIOCOUTQNSD, 4, What::out},
    {SIOCADDRT, rtentry_bytes, What::home}, // holds a pointer to a name
    {SIOCDELRT, rtentry_bytes, What::home},
    {SIOCGIFNAME, ifreq_bytes, What::inout},
    {SIOCGIFFLAGS, ifreq_bytes, What::inout},
    {SIOCSIFFLAGS, ifreq_bytes, What::in},
    {SIOCGIFADDR, ifreq_bytes, What::inout},
    {SIOCSIFADDR, ifreq_bytes, What::in},
    {SIOCGIFDSTADDR, ifreq_bytes, What::inout},
    {SIOCSIFDSTADDR, ifreq_bytes, What::in},
    {SIOCGIFBRDADDR, ifreq_bytes, What::inout},
    {SIOCSIFBRDADDR, ifreq_bytes, What::in},
    {SIOCGIFNETMASK, ifreq_bytes, What::inout},
    {SIOCSIFNETMASK, ifreq_bytes, What::in},
    {SIOCGIFMETRIC, ifreq_bytes, What::inout},
    {SIOCSIFMETRIC, ifreq_bytes, What::in},
    {SIOCGIFMTU, ifreq_bytes, What::inout},
    {SIOCSIFMTU, ifreq_bytes, What::in},
    {SIOCSIFNAME, ifreq_bytes, What::in},
    {SIOCSIFHWADDR, ifreq_bytes, What::in},
    {SIOCGIFHWADDR, ifreq_bytes, What::inout},
    {SIOCADDMULTI, ifreq_bytes, What::in},
    {SIOCDELMULTI, ifreq_bytes, What::in},
    {SIOCGIFINDEX, ifreq_bytes, What::inout},
    {SIOCGIFTXQLEN, ifreq_bytes, What::inout},
    {SIOCSIFTXQLEN, ifreq_bytes, What::in},
    {SIOCGIFMAP, ifreq_bytes, What::inout},
    {SIOCDARP, arpreq_bytes, What::in},
    {SIOCGARP, arpreq_bytes, What::inout},
    {SIOCSARP, arpreq_bytes, What::in},
    {SIOCBRADDBR, 16, What::in},
    {SIOCBRDELBR, 16, What::in},
    {SIOCBRADDIF, ifreq_bytes, What::in},
    {SIOCBRDELIF, ifreq_bytes, What::in},
    // requests whose numbers lie
    {FS_IOC_GETFLAGS, 4, What::out},
    {FS_IOC_SETFLAGS, 4, What::in},
    {FS_IOC_GETVERSION, 4, What::out},
    {FS_IOC_SETVERSION, 4, What::in},
    {FICLONE, 0, What::val},
    {FICLONERANGE, 32, What::in},
    {FS_IOC_GETFSLABEL, 256, What::out},
    {FS_IOC_SETFSLABEL, 256, What::in},
    {TIOCGPTPEER, 0, What::val},
    {0xc0481273 /* BLKTRACESETUP */, 0, What::home},
    {TUNSETIFF, ifreq_bytes, What::inout},
    {TUNSETPERSIST, 0, What::val},
    {TUNSETOWNER, 0, What::val},
    {TUNSETGROUP, 0, What::val},
    {TUNSETLINK, 0, What::val},
    {TUNSETOFFLOAD, 0, What::val},
    {TUNSETNOCSUM, 0, What::val},
    {TUNSETDEBUG, 0, What::val},
    {TUNGETIFF, ifreq_bytes, What::out},
    {TUNATTACHFILTER, 0, What::home},
    {TUNDETACHFILTER, 0, What::home},
};

/// Kinds of requests, by the number's second byte, that may be taken at their word.
bool believable(uint32_t type, uint32_t nr) {
    switch (type) {
    case 'T':  // terminals
    case 'E':  // input devices
    case 'R':  // random
    case 'p':  // real-time clock
    case 'W':  // watchdogs
    case 0x12: // block devices
    case 0x89: // sockets
    case 0xb7: // namespaces
    case 0xff: // pidfds
        return true;
    case 'f': // file systems; the later ones follow pointers
        return nr < 22;
    case 'X': // attributes, freeze, thaw, trim; XFS has its own
        return nr == 31 || nr == 32 || (nr >= 119 && nr <= 121);
    default:
        return false;
    }
}

/// Without a direction there is no memory, where that is known to be true.
bool believable_without_memory(uint32_t type) {
    return type == 'R' || type == 'p' || type == 0xb7 || type == 0xff;
}

constexpr uint32_t fiemap = 0xc020660b, dedupe_range = 0xc0189436, add_entropy = 0x40085203;
constexpr uint32_t size_mask = 0x3fff, size_max = 4096;

void follow(Builder& build, What what, uint64_t size) {
    uint64_t const address = build.plan.args[2];
    switch (what) {
    case What::in:
        build.in(argument(2), address, size);
        break;
    case What::out:
        build.out(argument(2), address, size);
        break;
    case What::inout:
        build.inout(argument(2), address, size);
        break;
    case What::val:
    case What::home:
        break;
    }
}

/// A struct with an array behind it: `head` bytes, at `count_at` in them how many elements of
/// `size` bytes follow.
Verdict walk_tail(Builder& build, uint64_t head, uint64_t count_at, uint64_t size) {
    uint32_t count = 0;
    uint64_t const address = build.plan.args[2];
    if (address != 0 && build.read(&count, address + count_at, sizeof count))
        build.inout(argument(2), address, head + count * size);
    else if (address != 0)
        build.hole(argument(2));
    return Verdict::forward;
}

/// SIOCGIFCONF: a length and a pointer to that many bytes of struct ifreq.
Verdict walk_ifconf(Builder& build) {
    struct Conf {
        int32_t length;
        uint32_t pad;
        uint64_t buffer;
    };
    uint64_t const address = build.plan.args[2];
    auto* const conf = static_cast<Conf*>(build.local(sizeof(Conf)));
    if (!conf || !build.read_or_hole(argument(2), conf, address, sizeof *conf))
        return Verdict::forward;
    int const index = build.in(argument(2), reinterpret_cast<uint64_t>(conf), sizeof *conf);
    if (conf->length >= 0) {
        int const buffer = build.out(
            inside(index, 8), conf->buffer, static_cast<uint64_t>(conf->length), Clip::by_u32, 0);
        if (buffer >= 0) build.segment(buffer).other = static_cast<uint8_t>(index);
    }
    build.view(index, 0, address, 4);
    return Verdict::forward;
}

} // namespace

WALKER(ioctl) {
    auto const number = static_cast<uint32_t>(build.plan.args[1]);
    if (number == SIOCGIFCONF) return walk_ifconf(build);
    if (number == fiemap) return walk_tail(build, 32, 24, 56);
    if (number == dedupe_range) return walk_tail(build, 24, 16, 32);
    if (number == add_entropy) return walk_tail(build, 8, 4, 1);
    for (Request const& request : legacy)
        if (request.number == number) {
            follow(build, request.what, request.size);
            return request.what == What::home ? Verdict::comes_home : Verdict::forward;
        }
    uint32_t const direction = number >> 30, size = number >> 16 & size_mask,
                   type = number >> 8 & 0xff;
    if (!believable(type, number & 0xff) || size > size_max) return Verdict::comes_home;
    if (direction == 0)
        return size == 0 && believable_without_memory(type) ? Verdict::forward
                                                            : Verdict::comes_home;
    follow(build, direction == 1 ? What::in : direction == 2 ? What::out : What::inout, size);
    return Verdict::forward;
}

} // namespace rove::syscalls
