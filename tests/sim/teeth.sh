#!/bin/sh
# Puts each planted fault in and looks whether the simulator finds it.
exec "${top_builddir:-.}/tests/sim/sim" --teeth
