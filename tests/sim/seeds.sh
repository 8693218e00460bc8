#!/bin/sh
# Short run of the simulator; each of these seeds must also give the same journal twice.
sim=${top_builddir:-.}/tests/sim/sim
"$sim" --seeds 1..200 --steps 2000 && "$sim" --seeds 1001..1020 --steps 2000 --twice
