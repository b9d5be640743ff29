#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# guest.sh DIR ROOT PROGRAM...: in the machine, runs each program on epoll and on the
# drop-in, and puts the same load on both; on the drop-in with --fast, too, if all that it
# watches is edge-triggered. DIR has load and the drop-in, ROOT what was unpacked of Debian's
# packages. Prints a line for each, for run.sh:
#   row PROGRAM WHERE PHASE REQUESTS ERRORS INSTRUCTIONS CALLS
# INSTRUCTIONS and CALLS are those of the server, for all requests.
#
# shellcheck shell=dash

dir=$1 root=$2
shift 2
lib=$root/usr/lib/x86_64-linux-gnu
# shellcheck source=tests/programs/measure.sh
. "${0%/*}/measure.sh"
load=$dir/load body=/var/www/body

# The program's files are where its package puts them.
for path in etc usr/share usr/lib var/lib var/log; do
	[ ! -d "$root/$path" ] || mkdir -p "/$path"
done
mkdir -p /var/log/nginx /var/lib/nginx /var/log/lighttpd /var/cache/lighttpd /run /var/www
[ -e /usr/share/nodejs ] || ln -s "$root/usr/share/nodejs" /usr/share/nodejs
[ -e /etc/nginx ] || cp -a "$root/etc/nginx" /etc/nginx 2>/dev/null
head -c 4096 /dev/urandom >$body

# --- the programs ---------------------------------------------------------------

# start_NAME runs the server in the foreground; $run is what stands before it.
start_redis() {
	exec $run "$root/usr/bin/redis-server" --port $port --save '' --appendonly no \
		--daemonize no --protected-mode no --maxclients 10000
}

start_nginx() {
	cat >/tmp/nginx.conf <<-END
		daemon off;
		user root;
		worker_processes 1;
		worker_rlimit_nofile 65536;
		error_log /tmp/nginx.error;
		pid /run/nginx.pid;
		events { worker_connections 8192; }
		http {
			access_log off;
			keepalive_requests 100000000;
			client_body_temp_path /tmp/nginx-body;
			proxy_temp_path /tmp/nginx-proxy;
			fastcgi_temp_path /tmp/nginx-fastcgi;
			uwsgi_temp_path /tmp/nginx-uwsgi;
			scgi_temp_path /tmp/nginx-scgi;
			server {
				listen $port backlog=4096;
				root /var/www;
			}
		}
	END
	exec $run "$root/usr/sbin/nginx" -c /tmp/nginx.conf
}

start_memcached() {
	exec $run "$root/usr/bin/memcached" -u root -p $port -U 0 -t 2 -c 8192 -b 4096
}

start_lighttpd() {
	cat >/tmp/lighttpd.conf <<-END
		server.document-root = "/var/www"
		server.port = $port
		server.bind = "127.0.0.1"
		server.max-connections = 8192
		server.max-fds = 20000
		server.max-keep-alive-requests = 100000000
		server.listen-backlog = 4096
		server.event-handler = "linux-sysepoll"
	END
	exec $run "$root/usr/sbin/lighttpd" -D -m "$lib/../lighttpd" -f /tmp/lighttpd.conf
}

start_haproxy() {
	cat >/tmp/haproxy.cfg <<-END
		global
			maxconn 8192
			nbthread 1
			expose-experimental-directives
			tune.fd.edge-triggered on
		defaults
			mode http
			timeout client 60s
			timeout server 60s
			timeout connect 60s
		frontend f
			bind 127.0.0.1:$port backlog 4096
			http-request return status 200 content-type text/plain file /var/www/body
	END
	exec $run "$root/usr/sbin/haproxy" -W -db -f /tmp/haproxy.cfg
}

start_python() {
	cat >/tmp/server.py <<-END
		import asyncio, sys
		async def serve(r, w):
		    while (line := await r.readline()):
		        w.write(line)
		        await w.drain()
		    w.close()
		async def main():
		    s = await asyncio.start_server(serve, '127.0.0.1', $port, backlog=4096)
		    await s.serve_forever()
		asyncio.run(main())
	END
	exec $run "$root/usr/bin/python3" /tmp/server.py
}

start_node() {
	cat >/tmp/server.js <<-END
		const s = require('net').createServer({ noDelay: true }, c => {
			c.on('data', d => c.write(d));
			c.on('error', () => c.destroy());
		});
		s.listen({ port: $port, host: '127.0.0.1', backlog: 4096 });
	END
	# else two runs differ by some per cent: when V8 compiles, and when it collects
	exec $run "$root/usr/bin/node" --predictable --single-threaded --random-seed=1 --hash-seed=1 \
		/tmp/server.js
}

protocol_of() {
	case $1 in
	redis | memcached) echo "$1" ;;
	python | node) echo "echo" ;;
	*) echo http ;;
	esac
}

# Is it the epoll that it should be?
check_epoll() {
	local links want='anon_inode:\[eventpoll\]'

	[ "$where" = epoll ] || want=/dev/kevent
	links=$(for task in $(tasks); do ls -l "/proc/$task/fd" 2>/dev/null; done)
	echo "$links" | grep -q "$want" || echo "bad $program $where: no $want"
	if [ "$where" != epoll ] && echo "$links" | grep -q eventpoll; then
		echo "bad $program $where: an epoll"
	fi
}

# reload SIGNAL: a new worker, where there are such.
reload() {
	local old

	old=$(children "$server")
	kill "-$1" "$server"
	sleep 1
	[ -z "$old" ] || [ "$(children "$server")" != "$old" ] ||
		echo "bad $program $where: no new worker"
	phase reloaded 10 $((1000 * scale))
}

# Clients that read slowly: the server has to wait until there is room. What that costs is
# not measured.
slow_readers() {
	local body=/var/www/large

	[ -e $body ] || head -c 1048576 /dev/urandom >$body
	echo 4096 16384 16384 >/proc/sys/net/ipv4/tcp_wmem
	load "$protocol" $port 10 40 -r >/dev/null || echo "bad $program $where: clients that read slowly"
	echo 4096 16384 4194304 >/proc/sys/net/ipv4/tcp_wmem
}

measure() {
	local scale=${KEVENT_PROGRAMS_SCALE:-1}

	phase one 1 $((2000 * scale))
	phase many 50 $((5000 * scale))
	phase churn 20 $((1000 * scale)) -l 4
	phase idle 10 $((4000 * scale)) -i 1000 -s 4
	case $program in
	nginx | lighttpd) slow_readers ;;
	esac
	case $program in
	nginx) reload HUP ;;
	haproxy) reload USR2 ;;
	lighttpd) reload USR1 ;;
	esac
}

run_one() {
	program=$1 where=$2 run=
	protocol=$(protocol_of "$program")
	port=$((port + 1))
	[ "$where" = epoll ] || run="$dir/../lib/epoll/kevent-epoll --require --stats=/tmp/stats"
	[ "$where" != fast ] || run="$run --fast"
	rm -f /tmp/stats
	(
		export LD_LIBRARY_PATH="$lib:$root/lib/x86_64-linux-gnu" PYTHONHOME="$root/usr" PYTHONHASHSEED=0 HOME=/root
		"start_$program"
	) >/tmp/server.log 2>&1 &
	server=$!
	if wait_for_port; then
		check_epoll
		measure
		stop
		# not of one that a signal has killed
		[ ! -e /tmp/stats ] || sed 's/^/stats /' /tmp/stats
	fi
}

for name; do
	run_one "$name" epoll
	run_one "$name" kevent
	case $name in
	nginx | haproxy) run_one "$name" fast ;;
	esac
done
