#!/usr/bin/env bash
# Sourced by the benchmarks: a folder that goes away, a private Mosquitto on a free port, and agents on it.
# Needs a release build: BUILD, build/release by default. TMPDIR says on which disk the store lies.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$root/build/release}
flyball=$build/agent/flyball
programs=$build/bench
folder=$(mktemp -d "${TMPDIR:-/tmp}/flyball-bench.XXXXXX")
# The pool file belongs on a tmpfs.
memory=$(mktemp -d "$([[ -w /dev/shm ]] && echo /dev/shm || echo "$folder")/flyball-bench.XXXXXX")
started=() # Process ids of ours that may still run.
broker_pid=
agent_pid=

end_process() { # PID
  local i
  kill "$1" 2>/dev/null || return 0
  for ((i = 0; i < 100; i++)); do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.05
  done
  kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

clean_up() {
  local pid
  for pid in "${started[@]}"; do
    [[ $(ps -o ppid= -p "$pid" 2>/dev/null) -ne $$ ]] || end_process "$pid"
  done
  rm -rf "$folder" "$memory"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

accepts() { # PORT
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Sets broker_pid, port and url.
start_broker() {
  local try i
  for ((try = 0; try < 5; try++)); do
    port=$((15000 + RANDOM % 17000))
    ! accepts "$port" || continue
    printf '%s\n' "listener $port 127.0.0.1" 'allow_anonymous true' 'set_tcp_nodelay true' \
      'max_inflight_messages 0' 'max_queued_messages 0' >"$folder/mosquitto.conf"
    PATH=$PATH:/usr/sbin mosquitto -c "$folder/mosquitto.conf" >"$folder/mosquitto.log" 2>&1 &
    broker_pid=$!
    started+=("$broker_pid")
    for ((i = 0; i < 100; i++)); do
      kill -0 "$broker_pid" 2>/dev/null || break
      if accepts "$port"; then
        url=mqtt://127.0.0.1:$port
        return
      fi
      sleep 0.02
    done
  done
  echo 'bench: no broker starts' >&2
  exit 1
}

# Sets agent: the command of an agent whose store is $folder/$1. A price and a limit nobody reaches, so that
# every event passes all three governors.
agent_command() { # STORE [KEY=VALUE]...
  local store=$1 key
  shift
  agent=("$flyball" run --set agent.id=bench --set "broker.url=$url" --set "store.dir=$folder/$store"
    --set "runtime.dir=$memory/$store" --set http.listen= --set metrics.interval_ms=1000 --set runtime.mailbox=1000
    --set 'plans={"free":{"features":["*"],"prices":{"kwh":"0.01"},"billing":{"overdraft":"1000000"},"quotas":[{"name":"daily","meter":"*","limit":"100000000","window":"day"}]}}')
  for key; do
    agent+=(--set "$key")
  done
}

forget_retained() {
  mosquitto_pub -p "$port" -q 1 -r -n -t flyball/v1/agent/bench/status
}

# Starts what agent_command has set, waits for `ready`, sets agent_pid.
start_agent() {
  local status
  forget_retained
  "${agent[@]}" 2>"$folder/agent.log" &
  agent_pid=$!
  started+=("$agent_pid")
  status=$(mosquitto_sub -p "$port" -q 1 -W 20 -C 1 -t flyball/v1/agent/bench/status) || true
  if [[ $status != *'"state":"ready"'* ]]; then
    echo 'bench: the agent does not start' >&2
    cat "$folder/agent.log" >&2
    exit 1
  fi
}

stop_agent() {
  end_process "$agent_pid"
}

sensor() { # ARGUMENT...
  timeout 90 "$programs/bench_sensor" -u "$url" "$@"
}

# Numbers on stdin, one a line; the lower one of two in the middle.
median() {
  sort -n | awk '{value[NR] = $1} END {print value[int((NR + 1) / 2)]}'
}

machine() {
  printf '%s cores, %s, Linux %s, store on %s, load %s\n' "$(nproc)" \
    "$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)" "$(uname -r)" \
    "$(df --output=fstype "$folder" | tail -n 1)" "$(cut -d' ' -f1 /proc/loadavg)"
}
