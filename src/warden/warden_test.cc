// SPDX-License-Identifier: Apache-2.0
// A warden driven by a scripted steward, with a tiny program of a few instructions as the guest.
#include "base/testing/directory.hh"
#include "warden/warden.hh"

#include <gtest/gtest.h>

#include <cpuid.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "image/maps.hh"
#include "sys/files.hh"
#include "sys/process.hh"
#include "sys/sockets.hh"
#include "sys/vdso.hh"
#include "syscalls/call_frame.hh"
#include "warden/blob_identity.hh"
#include "warden/mapping.hh"
#include "wire/link.hh"

namespace rove::warden {
namespace {

using wire::SessionType;

constexpr uint64_t region = 0x200000000000, code = 0x400000, data = 0x500000, stack = 0x600000;
constexpr int32_t guest_pid = 4242;
constexpr int64_t clocks_ahead = 1000000000000;
constexpr std::chrono::seconds patience(10);

template <class T> T must(Result<T> result, char const* what) {
    if (!result) {
        ADD_FAILURE() << what << ": " << result.error().detail();
        throw std::runtime_error(what);
    }
    return std::move(*result);
}
void must(Status status, char const* what) {
    if (!status) {
        ADD_FAILURE() << what << ": " << status.error().detail();
        throw std::runtime_error(what);
    }
}

template <class T> ByteView raw(T const& value) {
    return ByteView(reinterpret_cast<uint8_t const*>(&value), sizeof value);
}

struct Steward {
    TestDirectory directory;
    Fd daemon_listener, daemon, control;
    uint16_t port = 0;
    std::string token = std::string(16, 'k');
    wire::Identity identity;
    pid_t warden_pid = 0;
    uint32_t guest_uid = 0;

    Steward() { identity = {"n1", 7, guest_pid, 99}; }
    ~Steward() {
        if (control) (void)send(SessionType::let_go, wire::Empty{});
        control.close();
        if (warden_pid > 0) {
            if (auto pidfd = sys::pidfd_open(warden_pid)) {
                auto ended =
                    sys::wait_pidfd(pidfd->number(), Deadline::after(std::chrono::seconds(5)));
                if (!ended || !*ended) (void)sys::pidfd_send_signal(pidfd->number(), SIGKILL);
            }
        }
    }

    void start() {
        daemon_listener =
            must(sys::unix_listen(directory / "keepers.sock", 0600, SOCK_SEQPACKET), "listen");
        wire::WardenOrder order;
        order.identity = identity;
        order.token = token;
        order.node = "n2";
        order.run_dir = directory.path();
        order.listen = {"127.0.0.1"};
        order.guest_uid = order.guest_gid = guest_uid;
        Fd file = must(sys::memfd("order"), "memfd");
        must(sys::write_all(file.number(), as_bytes(wire::encode(order))), "write");
        auto child = must(sys::fork_running([&]() -> int {
            (void)sys::set_close_on_exec(file.number(), false);
            auto number = std::to_string(file.number());
            execl("/proc/self/exe", "rove-keeper", "warden", "--socket",
                (directory / "keepers.sock").c_str(), "--session", "s1", "--order-fd",
                number.c_str(), nullptr);
            return 127;
        }),
            "fork");
        EXPECT_EQ(must(sys::wait(child.pid), "wait").code, 0);
        daemon = must(sys::accept(daemon_listener.number()), "accept");
        std::vector<char> packet(wire::keeper_packet_max);
        ssize_t got = recv(daemon.number(), packet.data(), packet.size(), 0);
        auto opened =
            wire::open_keeper_packet(std::string_view(packet.data(), static_cast<size_t>(got)));
        auto hello = wire::decode<wire::WardenHello>(opened->body);
        ASSERT_TRUE(hello);
        port = hello->port;
        warden_pid = hello->warden_pid;
        EXPECT_EQ(hello->session, "s1");
    }
    Result<Fd> connect(wire::Kind kind, uint32_t slot = 0, uint32_t epoch = 1) {
        Fd socket = TRY(sys::tcp_connect(TRY(sys::Endpoint::parse("127.0.0.1", port)), patience));
        wire::Hello hello;
        hello.kind = kind;
        hello.slot = slot;
        hello.epoch = epoch;
        memcpy(hello.token, token.data(), sizeof hello.token);
        TRY(sys::send_all(socket.number(), raw(hello)));
        wire::HelloReply reply;
        TRY(sys::recv_exact(socket.number(), &reply, sizeof reply, Deadline::after(patience)));
        if (reply.ok != 1) return fail(EPERM, "hello reply {}", reply.ok);
        return socket;
    }
    template <class T> Status send(SessionType type, T const& message) {
        std::string body = wire::encode(message);
        wire::SessionFrame frame{static_cast<uint32_t>(body.size()), type, wire::session_version};
        TRY(sys::send_all(control.number(), raw(frame)));
        return sys::send_all(control.number(), as_bytes(body));
    }
    // The next message but pings and tallies.
    Result<wire::ClockReading> ask_clock() {
        TRY(send(SessionType::clock_request, wire::Empty{}));
        auto reading = wire::decode<wire::ClockReading>(expect(SessionType::clock));
        if (!reading) return fail(EBADMSG, "a malformed clock");
        return *reading;
    }
    std::string expect(SessionType type) {
        for (;;) {
            wire::SessionFrame frame;
            must(sys::recv_exact(control.number(), &frame, sizeof frame, Deadline::after(patience)),
                "frame");
            std::string body(frame.length, '\0');
            must(sys::recv_exact(
                     control.number(), body.data(), body.size(), Deadline::after(patience)),
                "body");
            if (frame.type == SessionType::ping || frame.type == SessionType::tally) {
                (void)send(SessionType::ping, wire::Ping{1});
                continue;
            }
            if (frame.type == SessionType::trouble && type != SessionType::trouble) {
                auto trouble = wire::decode<wire::Trouble>(body);
                ADD_FAILURE() << "trouble: " << trouble->reason << ": " << trouble->text;
                throw std::runtime_error("trouble");
            }
            EXPECT_EQ(static_cast<int>(frame.type), static_cast<int>(type));
            return body;
        }
    }
};

uint64_t features() {
    uint32_t low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return uint64_t{high} << 32 | low;
}
uint64_t xsave_size() {
    unsigned a, b, c, d;
    __cpuid_count(0xd, 0, a, b, c, d);
    return b;
}

// Own vdso and vvar, elsewhere.
std::vector<wire::Vma> kernel_mappings() {
    std::vector<wire::Vma> result;
    auto maps = must(image::parse_maps(must(sys::read_file("/proc/self/maps"), "maps")), "parse");
    uint64_t at = 0x7f0000000000;
    for (auto const& mapping : maps) {
        bool vdso = mapping.path == "[vdso]";
        if (!vdso && !mapping.path.starts_with("[vvar")) continue;
        wire::Vma vma;
        vma.start = at;
        vma.end = at += mapping.size();
        vma.prot = static_cast<uint8_t>(mapping.prot);
        vma.kind = vdso ? wire::VmaKind::vdso : wire::VmaKind::vvar;
        result.push_back(vma);
    }
    return result;
}

// As this kernel has it, or one that differs in a byte of its build's name.
std::string home_vdso(bool same_kernel) {
    std::string image = must(sys::own_vdso(), "vdso");
    size_t note = image.find("Linux");
    if (!same_kernel && note != image.npos) image[note] = 'l';
    return image;
}

wire::Layout layout_of_program(bool same_kernel) {
    wire::Layout layout;
    layout.segments = {key_of(home_vdso(same_kernel))};
    auto anonymous = [&](uint64_t start, uint64_t length, uint8_t prot, wire::VmaKind kind) {
        wire::Vma vma;
        vma.start = start;
        vma.end = start + length;
        vma.prot = prot;
        vma.kind = kind;
        layout.vmas.push_back(vma);
    };
    anonymous(code, 4096, PROT_READ | PROT_EXEC, wire::VmaKind::anonymous);
    anonymous(data, 8192, PROT_READ | PROT_WRITE, wire::VmaKind::anonymous);
    anonymous(stack, 65536, PROT_READ | PROT_WRITE, wire::VmaKind::stack);
    for (auto const& vma : kernel_mappings())
        layout.vmas.push_back(vma);
    layout.present = {{code, 4096}, {data, 4096}};
    return layout;
}

wire::Prepare prepare_of(Steward& steward, bool same_kernel) {
    wire::Prepare prepare;
    prepare.identity = steward.identity;
    prepare.epoch = 1;
    prepare.region = region;
    prepare.blob = blob_identity();
    auto host = must(steward.ask_clock(), "clock");
    prepare.host_clock = host;
    prepare.home_clock = {
        host.monotonic_ns + clocks_ahead, host.boottime_ns + clocks_ahead, host.realtime_ns};
    prepare.xsave_size = xsave_size();
    prepare.xfeatures = features();
    prepare.user = "somebody";
    prepare.command = "tiny";
    prepare.hostname = "homely";
    prepare.domainname = "(none)";
    prepare.cpu_count = 2;
    prepare.layout = layout_of_program(same_kernel);
    return prepare;
}

wire::ProcessState state_of_program() {
    wire::ProcessState state;
    wire::ThreadImage leader;
    leader.slot = 1;
    leader.tid = guest_pid;
    leader.registers.assign(23, 0);
    leader.registers[15] = stack + 65536 - 128; // rsp
    leader.registers[16] = code;                // rip
    leader.registers[17] = 0x202;               // flags
    leader.xsave.assign(576, '\0');             // nothing but the legacy area and the header
    uint32_t mxcsr = 0x1f80;
    memcpy(leader.xsave.data() + 24, &mxcsr, 4);
    wire::ThreadState thread{};
    memcpy(thread.name, "tiny", 5);
    thread.altstack_flags = 2;
    leader.thread_state.assign(reinterpret_cast<char const*>(&thread), sizeof thread);
    state.threads.push_back(leader);
    state.actions.assign(sizeof(wire::Control::actions), '\0');
    return state;
}

void send_page(int fd, uint64_t address, std::string content) {
    content.resize(4096, '\0');
    must(sys::send_all(fd, raw(wire::PageHeader{address, 4096})), "header");
    must(sys::send_all(fd, as_bytes(content)), "page");
}

// mov rbx, data; getpid → [rbx]; getppid → [rbx+8]; again: inc [rbx+16]; jmp again
std::string program() {
    unsigned char const bytes[] = {
        0x48, 0xc7, 0xc3, 0x00, 0x00, 0x50, 0x00,               // mov rbx, 0x500000
        0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0x48, 0x89, 0x03,        // getpid
        0xb8, 110, 0, 0, 0, 0x0f, 0x05, 0x48, 0x89, 0x43, 0x08, // getppid
        0x48, 0xff, 0x43, 0x10,                                 // inc qword [rbx+16]
        0xeb, 0xfa,                                             // jmp -6
    };
    return std::string(reinterpret_cast<char const*>(bytes), sizeof bytes);
}

struct Moved {
    Fd pages, link;
};

// From prepare to running.
Moved move_in(Steward& steward, bool same_kernel) {
    Moved moved;
    steward.control = must(steward.connect(wire::Kind::control), "control");
    must(steward.send(SessionType::prepare, prepare_of(steward, same_kernel)), "prepare");
    auto wanted = wire::decode<wire::SegmentsWanted>(steward.expect(SessionType::segments_wanted));
    EXPECT_TRUE(wanted && wanted->indexes.empty() == same_kernel);
    for (uint32_t index : wanted->indexes)
        must(steward.send(SessionType::segment, wire::SegmentBytes{index, 0, home_vdso(false)}),
            "segment");
    steward.expect(SessionType::prepared);
    moved.pages = must(steward.connect(wire::Kind::pages), "pages");
    moved.link = must(steward.connect(wire::Kind::link, 1), "link");
    must(steward.send(SessionType::layout, layout_of_program(same_kernel)), "layout");
    steward.expect(SessionType::laid_out);
    must(steward.send(SessionType::state, state_of_program()), "state");
    send_page(moved.pages.number(), code, program());
    send_page(moved.pages.number(), data, std::string(24, '\0') + "carried");
    must(sys::send_all(moved.pages.number(), raw(wire::PageHeader{~0ull, 0})), "end mark");
    must(steward.send(SessionType::pages_done, wire::PagesDone{8192, 8240}), "pages_done");
    auto ready = wire::decode<wire::Ready>(steward.expect(SessionType::ready));
    EXPECT_TRUE(ready && ready->bytes == 8192);
    must(steward.send(SessionType::commit, wire::Empty{}), "commit");
    steward.expect(SessionType::running);
    return moved;
}

class WardenTest : public testing::Test {
protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root";
    }
    Steward steward;
};

TEST_F(WardenTest, wrong_hellos_are_refused) {
    steward.start();
    auto good = steward.token;
    steward.token = std::string(16, 'x');
    EXPECT_FALSE(steward.connect(wire::Kind::control));
    steward.token = good;
    EXPECT_FALSE(steward.connect(wire::Kind::link, 1)) << "nothing is prepared";
    EXPECT_TRUE(steward.connect(wire::Kind::control));
}

class WardenOfKernel : public WardenTest, public testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(same_and_other, WardenOfKernel, testing::Bool());

TEST_P(WardenOfKernel, guest_runs_forwards_parks_and_resumes) {
    steward.guest_uid = 12345;
    steward.start();
    auto moved = move_in(steward, GetParam());

    // First it asks for signals; then getpid is local, and getppid comes over the link.
    for (auto [number, result] : {std::pair(SYS_rt_sigprocmask, 0), std::pair(SYS_getppid, 77)}) {
        wire::LinkHeader header;
        must(
            sys::recv_exact(moved.link.number(), &header, sizeof header, Deadline::after(patience)),
            "call");
        ASSERT_EQ(static_cast<int>(header.type), static_cast<int>(wire::LinkType::call));
        std::string body(header.length, '\0');
        must(sys::recv_exact(
                 moved.link.number(), body.data(), body.size(), Deadline::after(patience)),
            "call body");
        syscalls::CallHead call;
        memcpy(&call, body.data(), sizeof call);
        ASSERT_EQ(call.nr, number);

        syscalls::ReplyHead reply{};
        reply.result = result;
        wire::LinkHeader answer{};
        answer.magic = wire::link_magic;
        answer.version = wire::link_version;
        answer.type = wire::LinkType::reply;
        answer.epoch = header.epoch;
        answer.sequence = header.sequence;
        answer.length = sizeof reply;
        must(sys::send_all(moved.link.number(), raw(answer)), "reply");
        must(sys::send_all(moved.link.number(), raw(reply)), "reply body");
    }

    // It may be parked on its way back from the call as well as in its loop: once in each round.
    std::optional<wire::Parked> parked;
    constexpr uint64_t loop = code + 28;
    for (int round = 0; round < 1000; ++round) {
        must(steward.send(SessionType::park, wire::Empty{}), "park");
        parked = wire::decode<wire::Parked>(steward.expect(SessionType::parked));
        ASSERT_TRUE(parked);
        ASSERT_EQ(parked->state.threads.size(), 1u);
        if (parked->state.threads[0].registers[16] >= loop + 4)
            break; // inc has been done at least once
        must(steward.send(SessionType::resume, wire::Empty{}), "resume");
        steward.expect(SessionType::running);
    }
    auto const& registers = parked->state.threads[0].registers;
    EXPECT_EQ(registers[16], loop + 4) << "in its loop";
    EXPECT_EQ(registers[11], data) << "rbx";
    EXPECT_EQ(registers[13], 77u) << "rax holds home's answer";
    ASSERT_GE(parked->layout.vmas.size(), 3u);
    int64_t ahead = parked->state.monotonic_ns - monotonic_now().count();
    EXPECT_LE(ahead, clocks_ahead);
    EXPECT_GT(ahead, clocks_ahead - 10'000'000'000) << "the time of parking, by home's clock";
    EXPECT_EQ(parked->layout.vmas[0].start, code);
    EXPECT_EQ(parked->layout.vmas[0].prot, PROT_READ | PROT_EXEC);
    EXPECT_EQ(parked->layout.vmas[1].start, data);
    for (auto const& kernels : kernel_mappings())
        EXPECT_EQ(std::count_if(parked->layout.vmas.begin(), parked->layout.vmas.end(),
                      [&](wire::Vma const& vma) {
                          return vma.start == kernels.start && vma.end == kernels.end &&
                                 vma.kind == kernels.kind;
                      }),
            1);
    bool data_present = false;
    for (auto const& range : parked->layout.present)
        data_present |= range.address == data;
    EXPECT_TRUE(data_present);

    wire::SendPages request;
    request.ranges = {{data, 4096}};
    moved.pages = must(steward.connect(wire::Kind::pages), "pages");
    must(steward.send(SessionType::send_pages, request), "send_pages");
    wire::PageHeader page;
    must(sys::recv_exact(moved.pages.number(), &page, sizeof page, Deadline::after(patience)),
        "page header");
    EXPECT_EQ(page.address, data);
    ASSERT_EQ(page.length, 4096u);
    std::string content(4096, '\0');
    must(sys::recv_exact(
             moved.pages.number(), content.data(), content.size(), Deadline::after(patience)),
        "page");
    uint64_t words[3];
    memcpy(words, content.data(), sizeof words);
    EXPECT_EQ(words[0], uint64_t{guest_pid});
    EXPECT_EQ(words[1], 77u);
    EXPECT_GT(words[2], 0u);
    EXPECT_STREQ(content.data() + 24, "carried");
    must(sys::recv_exact(moved.pages.number(), &page, sizeof page, Deadline::after(patience)),
        "end mark");
    EXPECT_EQ(page.address, ~0ull);
    steward.expect(SessionType::pages_sent);

    must(steward.send(SessionType::resume, wire::Empty{}), "resume");
    steward.expect(SessionType::running);
    must(steward.send(SessionType::park, wire::Empty{}), "park");
    steward.expect(SessionType::parked);
    must(steward.send(SessionType::let_go, wire::Empty{}), "let_go");
    char byte;
    for (;;) {
        ssize_t got = recv(steward.control.number(), &byte, 1, 0);
        if (got <= 0) break;
    }
}

} // namespace
} // namespace rove::warden

// The warden executes its own program again: here that is the test binary, which then must be a
// warden.
int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "warden")
        return rove::warden::warden_main(argc, argv);
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
