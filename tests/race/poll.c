// SPDX-License-Identifier: GPL-2.0
/* Tests each two actors against each other with watches of files: KEVENT_POLL. */
#include "source_file.h"
#include "pairs.h"

RACE_PAIRS(poll_source)
