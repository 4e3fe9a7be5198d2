// SPDX-License-Identifier: Apache-2.0

// goroutines: many goroutines compute, pass values over channels, sleep, read and write files; the garbage collector runs.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"sync"
	"time"
)

func chain(n int) int {
	in := make(chan int)
	out := in
	for k := 0; k < n; k++ {
		next := make(chan int)
		go func(from, to chan int) { to <- 1 + <-from }(out, next)
		out = next
	}
	in <- 0
	return <-out
}

func main() {
	var group sync.WaitGroup
	sums := make([][32]byte, 16)
	for g := range sums {
		group.Add(1)
		go func(g int) {
			defer group.Done()
			name := fmt.Sprintf("file.%d", g)
			for turn := 0; turn < 12; turn++ {
				block := make([]byte, 100000)
				for k := range block {
					block[k] = byte(k*g + turn)
				}
				if err := os.WriteFile(name, block, 0600); err != nil {
					panic(err)
				}
				back, err := os.ReadFile(name)
				if err != nil || len(back) != len(block) {
					panic(fmt.Sprint(err, len(back)))
				}
				sums[g] = sha256.Sum256(append(back, sums[g][:]...))
				time.Sleep(5 * time.Millisecond)
			}
		}(g)
	}
	fmt.Println("chain", chain(2000))
	tree := map[int][]int{}
	for k := 0; k < 400000; k++ {
		tree[k%1000] = append(tree[k%1000], k)
	}
	group.Wait()
	for g, sum := range sums {
		fmt.Printf("%d %x\n", g, sum[:8])
	}
	fmt.Println(len(tree), len(tree[7]))
	func() {
		defer func() { fmt.Println("recovered:", recover()) }()
		var none *[5]int
		none[2] = 1 // a fault that the runtime turns into a panic
	}()
}
