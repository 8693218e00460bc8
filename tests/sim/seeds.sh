#!/bin/sh
# Short run of the simulator, over a million steps; each of these seeds must also give the same journal twice.
sim=${top_builddir:-.}/tests/sim/sim
"$sim" --seeds 1..600 --steps 2000 && "$sim" --seeds 1001..1020 --steps 2000 --twice
