// SPDX-License-Identifier: Apache-2.0

// The benchmark's pipeline for Beam's Go SDK; see ../../beam_bench_pipeline.c.
package main

import (
	"context"
	"flag"
	"log"
	"regexp"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/window"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
)

var words = regexp.MustCompile(`[A-Za-z']+`)

func noPairs(_ []byte, _ func(string, int64)) {}
func noLines(_ []byte, _ func(string))        {}
func noBlobs(_ []byte, _ func([]byte))        {}

func pass(key string, value int64) (string, int64) { return key, value }
func passBytes(blob []byte) []byte                 { return blob }
func add(a, b int64) int64                         { return a + b }

func tokenize(line string, emit func(string, int64)) {
	for _, word := range words.FindAllString(line, -1) {
		emit(word, 1)
	}
}

type countAndSum struct {
	Count  state.Value[int64]
	Values state.Bag[int64]
}

// ProcessElement reads the bag before it writes to it: the SDK gives a value that was added
// and first read in one call twice.
func (fn *countAndSum) ProcessElement(p state.Provider, key string, value int64, emit func(string, int64)) error {
	n, _, err := fn.Count.Read(p)
	if err != nil {
		return err
	}
	if err := fn.Count.Write(p, n+1); err != nil {
		return err
	}
	if (n+1)%100 != 0 {
		return fn.Values.Add(p, value)
	}
	values, _, err := fn.Values.Read(p)
	if err != nil {
		return err
	}
	for _, v := range values {
		value += v
	}
	emit(key, value)
	return fn.Values.Clear(p)
}

func init() {
	register.Function2x0(noPairs)
	register.Function2x0(noLines)
	register.Function2x0(noBlobs)
	register.Function2x2(pass)
	register.Function1x1(passBytes)
	register.Function2x1(add)
	register.Function2x0(tokenize)
	register.DoFn4x1[state.Provider, string, int64, func(string, int64), error](&countAndSum{})
	register.Emitter2[string, int64]()
	register.Emitter1[string]()
	register.Emitter1[[]byte]()
}

func main() {
	flag.Parse()
	beam.Init()
	p, s := beam.NewPipelineWithRoot()
	start := beam.Impulse(s)
	pairs := beam.ParDo(s.Scope("Pairs"), noPairs, start)
	lines := beam.ParDo(s.Scope("Lines"), noLines, start)
	blobs := beam.ParDo(s.Scope("Blobs"), noBlobs, start)

	beam.ParDo(s.Scope("BenchIdentity"), pass, pairs)
	beam.ParDo(s.Scope("BenchTokenize"), tokenize, lines)
	beam.ParDo(s.Scope("BenchState"), &countAndSum{state.MakeValueState[int64]("count"), state.MakeBagState[int64]("values")}, pairs)
	beam.ParDo(s.Scope("BenchLarge"), passBytes, blobs)
	windows := beam.WindowInto(s.Scope("BenchSumWindow"), window.NewFixedWindows(20*time.Second), pairs)
	beam.CombinePerKey(s.Scope("BenchSum"), add, windows)
	if err := beamx.Run(context.Background(), p); err != nil {
		log.Fatal(err)
	}
}
