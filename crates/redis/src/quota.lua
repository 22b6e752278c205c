-- One exchange of a shared quota, atomic. Times are microseconds of this server's clock; numbers stay below 2^53 and are
-- written without exponent.
-- KEYS: 1 settings, 2 slots under way (score: end of the lease), 3 those of the normal lane, 4 used slots (score: from
-- when they count), 5 those of the normal lane, 6 waiters in order, 7 until when a place is kept, 8 processes (score:
-- last seen), then for each window the slots of others ("id:count", score: when they are free).
local meta, running, running_n, used, used_n = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local line, kept, processes = KEYS[6], KEYS[7], KEYS[8]

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function num(x) return string.format('%.0f', x) end
local at = 0
local function arg() at = at + 1; return ARGV[at] end
local function narg() return tonumber(arg()) end

-- A lost request counts from a second later; a process that was silent for so long is gone.
local GRACE, SILENT = 1000000, 15000000
-- Interactive waiters come before all normal ones.
local INTERACTIVE_FIRST = 1000000000000000

local known, candidate, bucket, process = arg(), arg(), arg() == 'b', arg()
local windows, longest = {}, 0
for index = 1, narg() do
  local n, normal, len, token, token_n = narg(), narg(), narg(), narg(), narg()
  local full = 'f:' .. n .. ':' .. num(len)
  local whole = { n = n, len = len, token = token, full = full, used = used, running = running, others = KEYS[8 + index] }
  local part = normal < n and { n = normal, len = len, token = token_n, full = full .. ':' .. normal, used = used_n, running = running_n }
  windows[index] = { whole = whole, part = part }
  if len > longest then longest = len end
end

local function limits(lane)
  local list = {}
  for _, window in ipairs(windows) do
    list[#list + 1] = window.whole
    if lane == 'n' and window.part then list[#list + 1] = window.part end
  end
  return list
end

local settings = redis.call('HMGET', meta, 'epoch', 'shut', 'longest', 'seen')
local epoch = settings[1]
if epoch and settings[4] and now < tonumber(settings[4]) - 1000000 then
  -- The clock was set back: no time that is kept means anything. The processes give back what they know.
  redis.call('DEL', unpack(KEYS))
  epoch = nil
  settings = { nil, num(now + 1500000), settings[3] }
  redis.call('HSET', meta, 'shut', settings[2])
end
if not epoch then
  epoch = candidate
  redis.call('HSET', meta, 'epoch', epoch)
end
redis.call('HSET', meta, 'seen', num(now))
local shut = tonumber(settings[2] or '0')
local function shut_until(until_)
  if until_ > shut then
    shut = until_
    redis.call('HSET', meta, 'shut', num(shut))
  end
end
-- Others may have longer windows: what they need is not forgotten.
local keep = tonumber(settings[3] or '0')
if longest > keep then
  keep = longest
  redis.call('HSET', meta, 'longest', num(keep))
end
if known ~= '' and known ~= epoch then return { epoch, 1, {}, {}, 0, 0, 0, 0 } end

local function full_at(limit) return tonumber(redis.call('HGET', meta, limit.full) or '0') end
local function fill(limit, from, tokens)
  redis.call('HSET', meta, limit.full, num(math.max(full_at(limit), from) + tokens * limit.token))
end

local function count(slot, lane, from)
  local again = redis.call('ZSCORE', used, slot)
  redis.call('ZADD', used, num(from), slot)
  if lane == 'n' then redis.call('ZADD', used_n, num(from), slot) end
  -- One that was counted when its lease ended has only moved.
  if not again then
    for _, limit in ipairs(limits(lane)) do fill(limit, from, 1) end
  end
end
local function let_go(slot)
  redis.call('ZREM', running, slot)
  return redis.call('ZREM', running_n, slot) == 1
end

local restoring = narg()
if restoring >= 0 then
  for _ = 1, restoring do
    local slot, lane, age = arg(), arg(), narg()
    if not redis.call('ZSCORE', used, slot) then count(slot, lane, now - age) end
  end
  for _ = 1, narg() do
    local slot, lane, left = arg(), arg(), narg()
    redis.call('ZADD', running, 'NX', num(now + left), slot)
    if lane == 'n' then redis.call('ZADD', running_n, 'NX', num(now + left), slot) end
  end
  -- Nobody gets a slot before the others have had the time to say what they have used.
  shut_until(now + 1500000)
end

local ended = redis.call('ZRANGEBYSCORE', running, '-inf', num(now), 'WITHSCORES')
for i = 1, #ended, 2 do
  local normal = let_go(ended[i])
  count(ended[i], normal and 'n' or 'i', tonumber(ended[i + 1]) + GRACE)
end

for _ = 1, narg() do
  local slot, lane, outcome, age = arg(), arg(), arg(), narg()
  let_go(slot)
  if outcome == 'u' then
    redis.call('ZREM', used, slot)
    redis.call('ZREM', used_n, slot)
  else
    count(slot, lane, now - age + (outcome == 'l' and GRACE or 0))
  end
end

redis.call('ZREMRANGEBYSCORE', used, '-inf', num(now - keep))
redis.call('ZREMRANGEBYSCORE', used_n, '-inf', num(now - keep))
for _, window in ipairs(windows) do redis.call('ZREMRANGEBYSCORE', window.whole.others, '-inf', num(now)) end

-- Slots of others, as {when they are free, how many}, in order.
local function others(limit)
  local list, sum = {}, 0
  if limit.others then
    local raw = redis.call('ZRANGE', limit.others, 0, -1, 'WITHSCORES')
    for i = 1, #raw, 2 do
      local slots = tonumber(string.match(raw[i], ':(%d+)$'))
      list[#list + 1] = { tonumber(raw[i + 1]), slots }
      sum = sum + slots
    end
  end
  return list, sum
end

local function taken(limit)
  local under_way = redis.call('ZCARD', limit.running)
  if bucket then
    local full = math.max(full_at(limit), now)
    return math.ceil((full - now + under_way * limit.token) / limit.token)
  end
  local _, sum = others(limit)
  return redis.call('ZCOUNT', limit.used, '(' .. num(now - limit.len), '+inf') + under_way + sum
end

for _ = 1, narg() do
  local refused, index, remaining, free = narg(), narg(), narg(), narg()
  if refused >= 0 then shut_until(now + refused) end
  if index >= 0 then
    local limit = windows[index + 1].whole
    local missing = limit.n - taken(limit) - remaining
    if missing > 0 then
      local list, _ = others(limit)
      if #list >= 64 then
        -- Many small reports become one, at the latest time.
        local last = list[#list]
        redis.call('DEL', limit.others)
        local sum = missing
        for _, other in ipairs(list) do sum = sum + other[2] end
        redis.call('ZADD', limit.others, num(math.max(last[1], now + free)), num(now) .. ':' .. num(sum))
      else
        redis.call('ZADD', limit.others, num(now + free), num(now) .. '-' .. at .. ':' .. num(missing))
      end
      redis.call('PEXPIRE', limit.others, math.ceil(limit.len / 1000) + 1000)
      fill(limit, now, missing)
    end
  end
end

-- When the slot after `over` others of a full window is free.
local function release(limit, over)
  local since = '(' .. num(now - limit.len)
  local list, _ = others(limit)
  if #list == 0 then
    local one = redis.call('ZRANGEBYSCORE', limit.used, since, '+inf', 'WITHSCORES', 'LIMIT', over, 1)
    return one[2] and tonumber(one[2]) + limit.len or now + limit.len
  end
  local mine = redis.call('ZRANGEBYSCORE', limit.used, since, '+inf', 'WITHSCORES', 'LIMIT', 0, over + 1)
  local m, o, left = 1, 1, list[1][2]
  local free = now + limit.len
  for _ = 0, over do
    local own = mine[m + 1] and tonumber(mine[m + 1]) + limit.len
    local other = list[o] and list[o][1]
    if own and (not other or own <= other) then
      free, m = own, m + 2
    elseif other then
      free, left = other, left - 1
      if left == 0 then
        o = o + 1
        left = list[o] and list[o][2] or 0
      end
    else
      return now + limit.len
    end
  end
  return free
end

-- How long until a slot of the lane is free, at the least, for one who has so many before him.
local function wait(lane, before)
  local free = math.max(now, shut)
  for _, limit in ipairs(limits(lane)) do
    if bucket then
      local tokens = redis.call('ZCARD', limit.running) + before + 1
      free = math.max(free, math.max(full_at(limit), now) + tokens * limit.token - limit.len)
    else
      local over = taken(limit) + before - limit.n
      if over >= 0 then free = math.max(free, release(limit, over)) end
    end
  end
  return free - now
end

local function leave(waiter)
  redis.call('ZREM', line, waiter)
  redis.call('ZREM', kept, waiter)
end
for _, waiter in ipairs(redis.call('ZRANGEBYSCORE', kept, '-inf', num(now))) do leave(waiter) end
for _ = 1, narg() do leave(arg()) end

local takes, lease_most = {}, 0
for i = 1, narg() do
  local slot, lane, lease, waiter = arg(), arg(), narg(), arg()
  if redis.call('ZSCORE', running, slot) then
    -- Asked again after a response was lost.
    takes[i] = -1
  else
    local before = 0
    if waiter ~= '0' then
      redis.call('ZADD', line, 'NX', num(lane == 'i' and now - INTERACTIVE_FIRST or now), waiter)
      before = redis.call('ZRANK', line, waiter)
    end
    local free = wait(lane, before)
    if free > 0 then
      takes[i] = math.ceil(free)
      -- A caller that does not ask again in time loses its position.
      if waiter ~= '0' then redis.call('ZADD', kept, num(now + free + 500000), waiter) end
    else
      if waiter ~= '0' then leave(waiter) end
      redis.call('ZADD', running, num(now + lease), slot)
      if lane == 'n' then redis.call('ZADD', running_n, num(now + lease), slot) end
      takes[i] = -1
      lease_most = math.max(lease_most, lease)
    end
  end
end

redis.call('ZADD', processes, num(now), process)
redis.call('ZREMRANGEBYSCORE', processes, '-inf', num(now - SILENT))

local life = math.ceil((keep + lease_most) / 1000) + 3600000
for i = 1, 8 do redis.call('PEXPIRE', KEYS[i], life) end

local counts = {}
for i, window in ipairs(windows) do counts[i] = taken(window.whole) end
local ahead = redis.call('ZCARD', line)
return { epoch, 0, takes, counts, redis.call('ZCARD', running), math.ceil(wait('i', 0)), math.ceil(wait('n', ahead)),
  redis.call('ZCARD', processes) }
