// SPDX-License-Identifier: GPL-2.0
/* Tests each two actors against each other with watches of files and directories. */
#include "source_inode.h"
#include "pairs.h"

RACE_PAIRS(inode_source)
