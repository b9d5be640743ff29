// SPDX-License-Identifier: GPL-2.0
/* Tests examples/echo.c as it stands. */
#include "accept.h"

#define main example_main
#include "../../examples/echo.c"
#undef main

#define EXAMPLE_PORT 7777
#include "echo.h"
