# SPDX-License-Identifier: Apache-2.0
"""The workqueue's steps in Redis, each whole or not at all: see `workers.workqueue` for what they mean.

What there is, all under "fairway:" and with a time to live:

    dirty                      hash   object -> mark: "lane|tenant|share|gate", with a star while it is run
    run:OBJECT                 string the token of whoever runs it
    waiting:LANE               zset   object -> its number, of all that waits
    tenants:LANE               zset   tenant -> turn, of those with something that waits
    shares:LANE|TENANT         zset   share -> turn
    queue:LANE|TENANT|SHARE    zset   object -> its number
    gate:GATE                  zset   object -> until when its run counts (milliseconds)
    parked:GATE                zset   object -> its number, of what found the gate full
    workers                    zset   "worker|threads" -> until when it counts as there (milliseconds)
    drains                     zset   whoever takes one object after the other -> until when (milliseconds)

The tenant with the lowest turn is next, within it the share with the lowest, and of that the object that came
first; each that was taken from has its turn one later. Who comes new is placed behind the one that is next.
"""

from __future__ import annotations

_TTL = 3_600_000  # milliseconds, of everything that waits, counted from the last addition

_LIBRARY = f"""
local F = 'fairway:'
local TTL = {_TTL}

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function parts(mark)
  local lane, tenant, share, gate = string.match(mark, '^%*?([^|]*)|([^|]*)|([^|]*)|(.*)$')
  return lane, tenant, share, gate
end

local function starred(mark) return string.sub(mark, 1, 1) == '*' end

-- What is parked at a gate goes on in its order, but what a person waits for before all else.
local BEHIND = 1e12
local function behind(mark) return parts(mark) == 'push' and 0 or BEHIND end

local function gates(mark)
  local _, tenant, _, gate = parts(mark)
  if gate == '' then return {{'tenant:' .. tenant}} end
  return {{'tenant:' .. tenant, gate}}
end

local function places(mark)
  local lane, tenant, share = parts(mark)
  local of_tenant = lane .. '|' .. tenant
  return F .. 'tenants:' .. lane, tenant, F .. 'shares:' .. of_tenant, share,
    F .. 'queue:' .. of_tenant .. '|' .. share, F .. 'waiting:' .. lane
end

local function leave(object, mark)
  local tenants, tenant, shares, share, queue, waiting = places(mark)
  redis.call('ZREM', waiting, object)
  redis.call('ZREM', queue, object)
  if redis.call('EXISTS', queue) == 0 then redis.call('ZREM', shares, share) end
  if redis.call('EXISTS', shares) == 0 then redis.call('ZREM', tenants, tenant) end
end

local function enter(key, member)
  if redis.call('ZSCORE', key, member) then return end
  local next = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  redis.call('ZADD', key, (next[2] or 0) + 1, member)
end

-- Has an object wait, and says whether it did not before; with a number when it waited already.
local function wait(object, mark, number)
  local tenants, tenant, shares, share, queue, waiting = places(mark)
  if redis.call('ZSCORE', waiting, object) then return false end
  number = number or redis.call('INCR', F .. 'number')
  redis.call('ZADD', waiting, number, object)
  redis.call('ZADD', queue, number, object)
  enter(shares, share)
  enter(tenants, tenant)
  for _, key in ipairs({{waiting, queue, shares, tenants, F .. 'number'}}) do
    redis.call('PEXPIRE', key, TTL)
  end
  return true
end

-- Returns the object that is next in a lane, and its number; it waits no longer.
local function next_of(lane)
  local tenants = F .. 'tenants:' .. lane
  local tenant = redis.call('ZRANGE', tenants, 0, 0)[1]
  if not tenant then return nil end
  local shares = F .. 'shares:' .. lane .. '|' .. tenant
  local share = redis.call('ZRANGE', shares, 0, 0)[1]
  local queue = F .. 'queue:' .. lane .. '|' .. tenant .. '|' .. (share or '')
  local found = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  redis.call('ZINCRBY', tenants, 1, tenant)
  if share then redis.call('ZINCRBY', shares, 1, share) end
  leave(found[1] or '', lane .. '|' .. tenant .. '|' .. (share or '') .. '|')
  return found[1] or '', found[2]
end

-- The threads of all workers that were there lately; those of one when nobody has said so yet.
local function threads(moment)
  local sum = 0
  for _, worker in ipairs(redis.call('ZRANGEBYSCORE', F .. 'workers', moment, '+inf')) do
    sum = sum + string.match(worker, '%d+$')
  end
  return sum > 0 and sum or 16
end

-- Sends a message that something waits, unless every thread is at it already or about to be.
local function send(message, moment)
  local there = redis.call('ZCOUNT', F .. 'drains', moment, '+inf')
  there = there + redis.call('LLEN', 'fairway:celery:work')
  if there >= threads(moment) then return end
  local time = redis.call('TIME')
  local id = time[1] .. '-' .. time[2] .. '-' .. redis.call('INCR', F .. 'number')
  redis.call('LPUSH', 'fairway:celery:work', (string.gsub(message, '@ID@', id)))
end

-- Tells whether as many run through a gate as may: `of_tenant` and `of_gate` are parts of all threads.
local function full(gate, moment, of_tenant, of_gate)
  local key = F .. 'gate:' .. gate
  redis.call('ZREMRANGEBYSCORE', key, '-inf', moment)
  local part = string.sub(gate, 1, 7) == 'tenant:' and of_tenant or of_gate
  return redis.call('ZCARD', key) >= math.max(1, math.floor(threads(moment) * part))
end
"""

# ARGV: object, lane, its usual "|tenant|share|gate", tenant, share, gate, message.
# Without a tenant an object keeps the share it has, or gets the usual one. One that is run keeps it too: its
# place at the gates is to be freed. Says whether it has begun to wait.
ADD = f"""{_LIBRARY}
local object, lane = ARGV[1], ARGV[2]
local before = redis.call('HGET', F .. 'dirty', object)
local told = lane .. '|' .. ARGV[4] .. '|' .. ARGV[5] .. '|' .. ARGV[6]
local running = redis.call('EXISTS', F .. 'run:' .. object) == 1
if ARGV[4] == '' or (before and running) then
  told = lane .. (before and string.match(before, '|.*$') or ARGV[3])
end
if before and not starred(before) then
  if parts(before) == 'push' and lane ~= 'push' then told = string.gsub(told, '^[^|]*', 'push', 1) end
  if told ~= before then leave(object, before) end
end
redis.call('HSET', F .. 'dirty', object, told)
redis.call('PEXPIRE', F .. 'dirty', TTL)
if running then return 0 end
if not wait(object, told) then return 0 end
send(ARGV[7], now())
return 1
"""

# ARGV: token, milliseconds a run lives, worker, milliseconds a worker counts, the parts of all threads that a
# tenant and a gate may have. Returns the object to run, of the more urgent lane first, or nothing; then
# whoever asked takes no more.
TAKE = f"""{_LIBRARY}
local token, ttl, moment = ARGV[1], tonumber(ARGV[2]), now()
redis.call('ZADD', F .. 'workers', moment + ARGV[4], ARGV[3])
redis.call('PEXPIRE', F .. 'workers', ARGV[4])
redis.call('ZADD', F .. 'drains', moment + ttl, token)
redis.call('ZREMRANGEBYSCORE', F .. 'drains', '-inf', moment)
redis.call('PEXPIRE', F .. 'drains', ttl)
for _ = 1, 1000 do
  local object, number = next_of('push')
  if not object then object, number = next_of('reconcile') end
  if not object then
    redis.call('ZREM', F .. 'drains', token)
    return false
  end
  local mark = redis.call('HGET', F .. 'dirty', object)
  if mark and not starred(mark) then
    local closed
    for _, gate in ipairs(gates(mark)) do
      if not closed and full(gate, moment, ARGV[5], ARGV[6]) then closed = gate end
    end
    if closed then
      redis.call('ZADD', F .. 'parked:' .. closed, number + behind(mark), object)
      redis.call('PEXPIRE', F .. 'parked:' .. closed, TTL)
    elseif redis.call('SET', F .. 'run:' .. object, token, 'NX', 'PX', ttl) then
      redis.call('HSET', F .. 'dirty', object, '*' .. mark)
      for _, gate in ipairs(gates(mark)) do
        redis.call('ZREM', F .. 'parked:' .. gate, object)
        redis.call('ZADD', F .. 'gate:' .. gate, moment + ttl, object)
        redis.call('PEXPIRE', F .. 'gate:' .. gate, TTL)
      end
      return object
    end
  end
end
redis.call('ZREM', F .. 'drains', token)
return false
"""

# ARGV: object, token, milliseconds a run lives. Lost keys are put back: a flush is no reason for a second
# runner; a foreign one is left.
RENEW = f"""{_LIBRARY}
local object, ttl = ARGV[1], tonumber(ARGV[3])
local holder = redis.call('GET', F .. 'run:' .. object)
if holder and holder ~= ARGV[2] then return 0 end
redis.call('SET', F .. 'run:' .. object, ARGV[2], 'PX', ttl)
redis.call('ZADD', F .. 'drains', now() + ttl, ARGV[2])
redis.call('PEXPIRE', F .. 'drains', ttl)
local mark = redis.call('HGET', F .. 'dirty', object)
for _, gate in ipairs(mark and gates(mark) or {{}}) do
  redis.call('ZADD', F .. 'gate:' .. gate, 'XX', now() + ttl, object)
end
return 1
"""

# ARGV: object, its new token, that of who runs it, milliseconds a run lives. For one that Redis had
# forgotten: the end of its run will find that it was added meanwhile.
GIVE_BACK = f"""{_LIBRARY}
local object = ARGV[1]
if redis.call('GET', F .. 'run:' .. object) == ARGV[2] then
  redis.call('SET', F .. 'run:' .. object, ARGV[3], 'PX', ARGV[4])
end
local mark = redis.call('HGET', F .. 'dirty', object)
if mark and starred(mark) then redis.call('HSET', F .. 'dirty', object, string.sub(mark, 2)) end
return 1
"""

# ARGV: object, token, message. An object that was added meanwhile waits again, and what waited at its gates
# may go on: one of them is taken by whoever ended the run.
END = f"""{_LIBRARY}
local object, found = ARGV[1], 0
local mark = redis.call('HGET', F .. 'dirty', object)
local holder = redis.call('GET', F .. 'run:' .. object)
if holder and holder ~= ARGV[2] then return 0 end
redis.call('DEL', F .. 'run:' .. object)
if not mark then return 0 end
if starred(mark) then redis.call('HDEL', F .. 'dirty', object) end
if not starred(mark) and wait(object, mark) then found = 1 end
for _, gate in ipairs(gates(mark)) do
  redis.call('ZREM', F .. 'gate:' .. gate, object)
  local next = redis.call('ZPOPMIN', F .. 'parked:' .. gate)
  local mark = next[1] and redis.call('HGET', F .. 'dirty', next[1])
  if mark and not starred(mark) and redis.call('EXISTS', F .. 'run:' .. next[1]) == 0 then
    if wait(next[1], mark, next[2] % BEHIND) then found = found + 1 end
  end
end
for _ = 2, found do send(ARGV[3], now()) end
return 1
"""

# ARGV: token, message. Says that its owner takes no more, although something may wait.
LEAVE = f"""{_LIBRARY}
redis.call('ZREM', F .. 'drains', ARGV[1])
if redis.call('EXISTS', F .. 'waiting:push', F .. 'waiting:reconcile') > 0 then send(ARGV[2], now()) end
return 1
"""

# ARGV: message, the parts that a tenant and a gate may have. Has what is marked and not run wait, unless its
# gate is full, and sees that there are messages while something waits.
REVIVE = f"""{_LIBRARY}
local moment = now()
local marks = redis.call('HGETALL', F .. 'dirty')
for index = 1, #marks, 2 do
  local object, mark = marks[index], marks[index + 1]
  if redis.call('EXISTS', F .. 'run:' .. object) == 0 then
    if starred(mark) then
      mark = string.sub(mark, 2)
      redis.call('HSET', F .. 'dirty', object, mark)
    end
    local closed = false
    for _, gate in ipairs(gates(mark)) do
      closed = closed or full(gate, moment, ARGV[2], ARGV[3])
    end
    if not closed then wait(object, mark) end
  end
end
local waiting = redis.call('ZCARD', F .. 'waiting:push') + redis.call('ZCARD', F .. 'waiting:reconcile')
for _ = redis.call('LLEN', 'fairway:celery:work') + 1, math.min(waiting, threads(moment)) do
  send(ARGV[1], moment)
end
return 1
"""

# ARGV: worker, milliseconds it counts.
PRESENT = f"""{_LIBRARY}
redis.call('ZADD', F .. 'workers', now() + ARGV[2], ARGV[1])
redis.call('PEXPIRE', F .. 'workers', ARGV[2])
return 1
"""

ALL = {
    "ADD": ADD,
    "TAKE": TAKE,
    "RENEW": RENEW,
    "GIVE_BACK": GIVE_BACK,
    "END": END,
    "LEAVE": LEAVE,
    "REVIVE": REVIVE,
    "PRESENT": PRESENT,
}
