// SPDX-License-Identifier: Apache-2.0

// web: a net/http server and clients in one process, many at once, with garbage between.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"sort"
	"strings"
	"sync"
	"time"
)

type answer struct {
	Name string
	Sum  string
	Size int
}

func serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), 500)
		return
	}
	time.Sleep(time.Millisecond)
	json.NewEncoder(w).Encode(answer{r.URL.Path, fmt.Sprintf("%x", sha256.Sum256(body)), len(body)})
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(serve)}
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	var lock sync.Mutex
	var group sync.WaitGroup
	lines := []string{}
	for c := 0; c < 12; c++ {
		group.Add(1)
		go func(c int) {
			defer group.Done()
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: c%3 == 0}}
			for turn := 0; turn < 25; turn++ {
				body := strings.Repeat(fmt.Sprint(c, turn, " "), 500+turn*100)
				reply, err := client.Post(fmt.Sprintf("http://%s/%d/%d", listener.Addr(), c, turn), "text/plain", strings.NewReader(body))
				if err != nil {
					panic(err)
				}
				var got answer
				if err := json.NewDecoder(reply.Body).Decode(&got); err != nil {
					panic(err)
				}
				io.Copy(io.Discard, reply.Body)
				reply.Body.Close()
				lock.Lock()
				lines = append(lines, fmt.Sprintf("%s %d %s", got.Name, got.Size, got.Sum[:12]))
				lock.Unlock()
			}
		}(c)
	}
	group.Wait()
	server.Close()
	fmt.Println(<-done)
	sort.Strings(lines)
	fmt.Printf("%d %x\n", len(lines), sha256.Sum256([]byte(strings.Join(lines, "\n"))))
	for n := 0; n < 5; n++ {
		out, err := exec.Command("sh", "-c", fmt.Sprintf("echo child %d; exit %d", n, n)).Output()
		fmt.Print(string(out))
		fmt.Println(err)
	}
	timer, ticks := time.NewTicker(3*time.Millisecond), 0
	for range timer.C {
		if ticks++; ticks == 100 {
			break
		}
	}
	fmt.Println(ticks)
}
