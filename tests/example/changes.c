// SPDX-License-Identifier: GPL-2.0
/* Tests examples/changes.c, the echo server that changes its watches in the wait, as it stands. */
#include "accept.h"

#define main example_main
#include "../../examples/changes.c"
#undef main

#define EXAMPLE_PORT 7778
#include "echo.h"
