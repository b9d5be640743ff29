// SPDX-License-Identifier: GPL-2.0
/* Tests each two actors against each other with watches of POSIX timers. */
#include "source_own.h"
#include "pairs.h"

RACE_PAIRS(posix_timer_source)
