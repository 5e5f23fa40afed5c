// Package fuzzlimit ends a fuzz target that takes too much for one input: more
// than a second of processor time, more than 256 MiB of memory, or two minutes in
// which it only waits. What parses other people's files must do none of them,
// whatever stands in the files, and Go's fuzzer alone notices only a panic.
//
// It is used by tests and is no part of devcert.
package fuzzlimit

import (
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"
	"time"
)

// What one input may take.
const (
	// Processor is the time of the thread that works on the input. What else goes
	// on in the process, the collector above all, and on the machine, does not
	// count: the limit holds on a loaded machine. Only Linux tells it; elsewhere it
	// is not limited.
	Processor = time.Second * slower

	// Memory bounds by how much the heap may grow, and what of it is in use, garbage
	// that is not collected yet among it. A stack may grow as far.
	Memory = 256 << 20
)

// patience is how long an input may wait without taking processor time. It is long,
// since on a loaded machine everything waits.
var patience = 2 * time.Minute

// processor is Processor, but where a test wants to see another limit reached.
var processor = Processor

// interval is how often an input that takes its time is looked at. Most are done
// long before: what runs beside a target shows in the fuzzer's coverage.
const interval = 100 * time.Millisecond

// Fuzz is f.Fuzz(target) within the limits. An input that has taken too much fails;
// one that does not come to its end takes the process with it, which the fuzzer
// understands and keeps the input.
func Fuzz(f *testing.F, target any) {
	f.Helper()
	debug.SetMaxStack(Memory)
	call := reflect.ValueOf(target)
	f.Fuzz(reflect.MakeFunc(call.Type(), func(args []reflect.Value) []reflect.Value {
		t := args[0].Interface().(*testing.T)
		m := start()
		defer m.stop(t)
		return call.Call(args)
	}).Interface())
}

// A meter measures what one input takes.
type meter struct {
	mu     sync.Mutex
	clock  clock // of the input's thread
	spent  time.Duration
	heap   heap
	since  time.Time
	timer  *time.Timer
	sample []metrics.Sample
	ended  bool
}

// heap is what the program has of it, in bytes.
type heap struct {
	objects int64
	whole   int64 // with what is free, unless the system has it back
}

func start() *meter {
	runtime.LockOSThread()
	m := &meter{clock: thisThread(), since: time.Now()}
	const heap = "/memory/classes/heap/"
	m.sample = []metrics.Sample{{Name: heap + "objects:bytes"}, {Name: heap + "unused:bytes"}, {Name: heap + "free:bytes"}}
	m.heap, m.spent = m.held(), m.clock.read()
	m.mu.Lock() // the timer's function reads the timer
	defer m.mu.Unlock()
	m.timer = time.AfterFunc(interval, m.watch)
	return m
}

// stop fails the test if the input, which has come to its end, has taken too much.
func (m *meter) stop(t *testing.T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	m.timer.Stop()
	if excess := m.excess(); excess != "" {
		t.Error(excess)
	}
	runtime.UnlockOSThread()
}

// watch ends the process if the input has taken too much and goes on.
func (m *meter) watch() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return
	}
	excess := m.excess()
	if waited := time.Since(m.since); excess == "" && waited > patience {
		excess = fmt.Sprintf("fuzzlimit: the input is not done after %s", waited.Round(time.Second))
	}
	if excess != "" {
		debug.SetTraceback("all") // to see where it is
		panic(excess)
	}
	m.timer.Reset(interval)
}

// excess says what is over its limit, if anything is.
func (m *meter) excess() string {
	if spent := m.clock.read() - m.spent; spent > processor {
		return fmt.Sprintf("fuzzlimit: the input has taken %s of processor time, over %s", spent, processor)
	}
	held := m.held()
	// What is free from earlier inputs hides growth, and what was freed since, use.
	if n := max(held.objects-m.heap.objects, held.whole-m.heap.whole); n > Memory {
		return fmt.Sprintf("fuzzlimit: the input has taken %d MiB of memory, over %d", n>>20, Memory>>20)
	}
	return ""
}

func (m *meter) held() heap {
	metrics.Read(m.sample)
	var h heap
	for i, s := range m.sample {
		n := int64(s.Value.Uint64()) //nolint:gosec // a machine has less
		if h.whole += n; i == 0 {
			h.objects = n
		}
	}
	return h
}
