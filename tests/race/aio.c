// SPDX-License-Identifier: GPL-2.0
/* Tests each two actors against each other with transfers. */
#include "source_aio.h"
#include "pairs.h"

RACE_PAIRS(aio_source)
