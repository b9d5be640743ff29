// SPDX-License-Identifier: GPL-2.0
/* Tests each two actors against each other with timers. */
#include "source_own.h"
#include "pairs.h"

RACE_PAIRS_NO_CLOSE(timer_source)
