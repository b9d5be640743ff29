// SPDX-License-Identifier: GPL-2.0
/* Tests each two actors against each other with private events. */
#include "source_own.h"
#include "pairs.h"

RACE_PAIRS_NO_CLOSE(unotify_source)
