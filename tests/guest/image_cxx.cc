// SPDX-License-Identifier: Apache-2.0
// image_cxx: C++ exceptions, unwinding through frames, iostreams, containers, thread_local destructors, call_once.
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "guest.h" // last: it defines short macros

static int destroyed = 0;
struct Counted {
    ~Counted() { __atomic_add_fetch(&destroyed, 1, __ATOMIC_SEQ_CST); }
};
static thread_local std::unique_ptr<Counted> local;
static int deep(int depth) {
    Counted counted;
    if (depth == 0) throw std::runtime_error("bottom");
    return deep(depth - 1) + 1;
}
int main() {
    for (long i = 0; again(i, 50); i++) {
        destroyed = 0;
        std::string what;
        try {
            deep(100);
        } catch (std::exception const& e) {
            what = e.what();
        }
        check(what == "bottom");
        equal(destroyed, 101);
        std::map<std::string, std::vector<int>> map;
        for (int k = 0; k < 200; k++) map[std::to_string(k % 17)].push_back(k);
        std::ostringstream out;
        for (auto const& [key, values] : map) out << key << ':' << values.size() << ' ';
        check(out.str().substr(0, 10) == "0:12 1:12 ");
        destroyed = 0;
        std::once_flag once;
        int calls = 0;
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; t++)
            threads.emplace_back([&] {
                local = std::make_unique<Counted>();
                std::call_once(once, [&] { calls++; });
                try {
                    deep(5);
                } catch (std::runtime_error const&) {
                }
            });
        for (auto& thread : threads) thread.join();
        equal(destroyed, 4 * 7);
        equal(calls, 1);
    }
    std::cout << "c++ " << std::hex << 255 << std::endl;
    pass();
}
