# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034
#
# Sourced on both sides: what must never appear in the kernel's log.

klog_bad='WARNING: |BUG: |kernel BUG at|Oops|Kernel panic'
klog_bad="$klog_bad"'|general protection|[Uu]nable to handle|page fault for'
klog_bad="$klog_bad"'|INFO: (task|rcu|possible|suspicious|inconsistent|trying to)'
klog_bad="$klog_bad"'|possible (recursive|circular)|inconsistent lock|suspicious RCU'
klog_bad="$klog_bad"'|bad unlock balance|held lock freed|Invalid wait context'
klog_bad="$klog_bad"'|self-detected stall|detected stalls|[Ss]oft lockup|LOCKUP'
klog_bad="$klog_bad"'|KASAN|KFENCE|kmemleak: (leaks|[0-9]+ new)|unreferenced object'
klog_bad="$klog_bad"'|memory leak detector disabled'
klog_bad="$klog_bad"'|refcount_t|scheduling while atomic|sleeping function called'
klog_bad="$klog_bad"'|blocked for more than|hung task|ODEBUG|corruption|Bad page'
klog_bad="$klog_bad"'|Slab cache still has objects|cannot unload kevent|use-after-free'
klog_bad="$klog_bad"'|deprecated workqueue'

# KCSAN tells of the whole kernel: drops the reports without a line of ours.
klog_ours() {
	awk '
		/====================/ && held != "" {
			if (ours || held !~ /KCSAN/)
				printf "%s%s\n", held, $0
			held = ""
			next
		}
		/====================/ { held = $0 "\n"; ours = 0; next }
		held != "" { held = held $0 "\n"; ours = ours || /\[kevent\]/; next }
		{ print }
		END { printf "%s", held }'
}
