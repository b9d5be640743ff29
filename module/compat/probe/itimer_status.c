// SPDX-License-Identifier: GPL-2.0
// 6.13, 1d25bdd3f3b1 and others: states of POSIX timers, signal inside.
#include <linux/posix-timers.h>
#include <linux/sched/signal.h>
void probe(struct k_itimer *timer);
void probe(struct k_itimer *timer)
{
#ifndef KEV_PROBE_OTHER
	timer->it_status = 0;
	timer->it_signal_seq++;
	timer->sigq.info.si_signo = 0;
#else
	timer->it_active = 0;
	timer->it_requeue_pending |= REQUEUE_PENDING;
	timer->sigq->info.si_signo = 0;
#endif
}
