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
    workers                    zset   worker -> until when it counts as there (milliseconds)

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

-- Sends a message that something waits; which object it is for is decided when it is taken.
local function send(lane, messages)
  local time = redis.call('TIME')
  local id = time[1] .. '-' .. time[2] .. '-' .. redis.call('INCR', F .. 'number')
  local message = string.gsub(messages[lane], '@ID@', id)
  redis.call('LPUSH', 'fairway:celery:' .. lane, message)
end

local function full(gate, limit, moment)
  local key = F .. 'gate:' .. gate
  redis.call('ZREMRANGEBYSCORE', key, '-inf', moment)
  return redis.call('ZCARD', key) >= limit
end
"""

# ARGV: object, lane, namespace, tenant, share, gate, message of push, message of reconcile.
# Without a tenant an object keeps the share it has, or gets that of its namespace. Says whether it has begun
# to wait.
ADD = f"""{_LIBRARY}
local object, lane = ARGV[1], ARGV[2]
local before = redis.call('HGET', F .. 'dirty', object)
local told = lane .. '|' .. ARGV[4] .. '|' .. ARGV[5] .. '|' .. ARGV[6]
if ARGV[4] == '' then
  local rest = before and string.match(before, '|.*$') or ('|' .. ARGV[3] .. '||')
  told = lane .. rest
end
if before and not starred(before) then
  if parts(before) == 'push' and lane ~= 'push' then told = string.gsub(told, '^[^|]*', 'push', 1) end
  if told ~= before then leave(object, before) end
end
redis.call('HSET', F .. 'dirty', object, told)
redis.call('PEXPIRE', F .. 'dirty', TTL)
if redis.call('EXISTS', F .. 'run:' .. object) == 1 then return 0 end
if not wait(object, told) then return 0 end
send((parts(told)), {{push = ARGV[7], reconcile = ARGV[8]}})
return 1
"""

# ARGV: lane, token, milliseconds a run lives, worker, its threads, milliseconds a worker counts, what the
# limits are computed with: part of a tenant, part of a gate. Returns the object to run, or nothing.
TAKE = f"""{_LIBRARY}
local lane, token, ttl, moment = ARGV[1], ARGV[2], tonumber(ARGV[3]), now()
redis.call('ZADD', F .. 'workers', moment + ARGV[6], ARGV[4])
redis.call('ZREMRANGEBYSCORE', F .. 'workers', '-inf', moment)
redis.call('PEXPIRE', F .. 'workers', ARGV[6])
local threads = redis.call('ZCARD', F .. 'workers') * ARGV[5]
local function limit(gate)
  local part = string.sub(gate, 1, 7) == 'tenant:' and ARGV[7] or ARGV[8]
  return math.max(1, math.floor(threads * part))
end
for _ = 1, 1000 do
  local object, number = next_of(lane)
  if not object then return false end
  local mark = redis.call('HGET', F .. 'dirty', object)
  if mark and not starred(mark) then
    local closed
    for _, gate in ipairs(gates(mark)) do
      if not closed and full(gate, limit(gate), moment) then closed = gate end
    end
    if closed then
      redis.call('ZADD', F .. 'parked:' .. closed, number, object)
      redis.call('PEXPIRE', F .. 'parked:' .. closed, TTL)
    elseif redis.call('SET', F .. 'run:' .. object, token, 'NX', 'PX', ttl) then
      redis.call('HSET', F .. 'dirty', object, '*' .. mark)
      for _, gate in ipairs(gates(mark)) do
        redis.call('ZADD', F .. 'gate:' .. gate, moment + ttl, object)
        redis.call('PEXPIRE', F .. 'gate:' .. gate, TTL)
      end
      return object
    end
  end
end
return false
"""

# ARGV: object, token, milliseconds a run lives. Lost keys are put back: a flush is no reason for a second
# runner; a foreign one is left.
RENEW = f"""{_LIBRARY}
local object, ttl = ARGV[1], tonumber(ARGV[3])
local holder = redis.call('GET', F .. 'run:' .. object)
if holder and holder ~= ARGV[2] then return 0 end
redis.call('SET', F .. 'run:' .. object, ARGV[2], 'PX', ttl)
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

# ARGV: object, token, message of push, message of reconcile. An object that was added meanwhile waits again,
# and what waited at its gates may go on.
END = f"""{_LIBRARY}
local object, messages = ARGV[1], {{push = ARGV[3], reconcile = ARGV[4]}}
local mark = redis.call('HGET', F .. 'dirty', object)
local holder = redis.call('GET', F .. 'run:' .. object)
if holder and holder ~= ARGV[2] then return 0 end
redis.call('DEL', F .. 'run:' .. object)
if not mark then return 0 end
if starred(mark) then redis.call('HDEL', F .. 'dirty', object) end
if not starred(mark) and wait(object, mark) then send((parts(mark)), messages) end
for _, gate in ipairs(gates(mark)) do
  redis.call('ZREM', F .. 'gate:' .. gate, object)
  local next = redis.call('ZPOPMIN', F .. 'parked:' .. gate)
  local mark = next[1] and redis.call('HGET', F .. 'dirty', next[1])
  if mark and not starred(mark) and redis.call('EXISTS', F .. 'run:' .. next[1]) == 0 then
    if wait(next[1], mark, next[2]) then send((parts(mark)), messages) end
  end
end
return 1
"""

# ARGV: message of push, message of reconcile, part of a tenant, part of a gate, threads of a worker. Has what
# is marked and not run wait, unless its gate is full, and sees that there is a message for all that waits.
REVIVE = f"""{_LIBRARY}
local messages, moment = {{push = ARGV[1], reconcile = ARGV[2]}}, now()
local threads = math.max(1, redis.call('ZCOUNT', F .. 'workers', moment, '+inf')) * ARGV[5]
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
      local part = string.sub(gate, 1, 7) == 'tenant:' and ARGV[3] or ARGV[4]
      closed = closed or full(gate, math.max(1, math.floor(threads * part)), moment)
    end
    if not closed then wait(object, mark) end
  end
end
for lane, _ in pairs(messages) do
  local missing = redis.call('ZCARD', F .. 'waiting:' .. lane) - redis.call('LLEN', 'fairway:celery:' .. lane)
  for _ = 1, missing do send(lane, messages) end
end
return 1
"""
