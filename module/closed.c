// SPDX-License-Identifier: GPL-2.0
/*
 * Files end, and their watches with them.
 */
#include "delay.h"
#include "lookup.h"

/*
 * Ends all watches of a file, from the close hook.  The file has no references
 * left, so none is added meanwhile.
 */
void kev_file_closed(struct file *file)
{
	struct kev_queue *q;
	struct kev_watch *w;
	bool again;

	while ((q = kev_file_queue(file, &again)) || again) {
		if (!q) {
			cond_resched();
			continue;
		}
		KEV_DELAY(CLOSE_NEXT);
		mutex_lock(&q->mutex);
		while ((w = kev_file_watch(q, file)))
			kev_watch_close(w);
		mutex_unlock(&q->mutex);
		kev_queue_put(q);
		cond_resched();
	}
}
