// SPDX-License-Identifier: GPL-2.0
/* Tests each two actors against each other with watches of sockets. */
#include "source_file.h"
#include "pairs.h"

RACE_PAIRS(socket_source)
