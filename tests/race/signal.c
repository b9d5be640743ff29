// SPDX-License-Identifier: GPL-2.0
/* Tests each two actors against each other with watches of signals. */
#include "source_task.h"
#include "pairs.h"

RACE_PAIRS(signal_source)
