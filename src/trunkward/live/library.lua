#!lua name=trunkward_5
--[[ What all nodes agree on while calls are set up: places, rates, nonces; and money, for which `money.lua` stands before
this, and nodes, `nodes.lua` (`library.text`). One function is one atomic step.

Under the keys (the patterns of `engines/valkey.py`):
  calls:...     sorted set: the record ids of calls that hold a place, each with the end of its hold (ms since the epoch)
  rate:..., rate-in:...  string: the theoretical arrival time of the next call (GCRA), in microseconds since the epoch
  nonce:...     string: "HIGHEST BITS": the highest nc seen, and which of the 64 up to it were
  passport:...  string: a mark of the call whose signature this is, for as long as one of its time is good
  asked:ID      an attempt without a place that has been answered: asked again, it is not counted again
  ended:ID      a call that is over: a renewal that was on its way does not bring it back
  epoch         string: since when nothing of what is here has been lost, in microseconds since the epoch
  bindings:...  string: where a registered trunk takes its calls, as JSON (`calls.registration.Bindings`)

Time is Valkey's own, the same for the whole of a function. What a hold is renewed for, a killed node does not: its
places end by themselves. A set that nobody looks at goes when KEEP_MS have passed.

Whoever asks for something waits for so long and no longer, and says so by its last argument (Valkey's time in ms): a
Valkey that was frozen does nothing then of what nobody waits for any more, whichever connection it is read from.
What only gives back, or goes on holding what is there, has no end: done late it is right, too.

The number in the library's name and in its functions' names goes up with every change of arguments or of what is
under a key: gates of two versions, in an upgrade, each call their own.
]]

local KEEP_MS = 7200000
-- an edge that was not answered asks another gate within seconds
local ASKED_MS = 60000
-- a renewal is on its way for milliseconds
local ENDED_MS = 10000
local WINDOW = 64
-- of this start of Valkey, or of these functions: with it, or without what it stands under, something may be lost
local started

local function now_us()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

local function whole(number)
  return string.format('%.0f', number)
end

-- {'late', now in ms} when nobody waits for an answer any more, else nil.
local function late(argv, now)
  local now_ms = math.floor(now / 1000)
  if now_ms > tonumber(argv[#argv]) then return { 'late', now_ms } end
end

-- Since when every use of a nonce is remembered. A start may have lost the last second of the file.
local function epoch_of(key, now)
  if not started or redis.call('GET', key) ~= started then
    started = whole(now)
    redis.call('SET', key, started)
  end
  return started
end

-- Calls in a set; those whose hold is over are looked for only when it matters.
local function taken(key, most, now_ms)
  local count = redis.call('ZCARD', key)
  if count >= most and count > 0 then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now_ms))
    count = redis.call('ZCARD', key)
  end
  return count
end

-- Has this nc of this nonce been used? nil, or what to write down when the attempt is let through.
local function use(key, nc)
  local held = redis.call('GET', key)
  if not held then return nc .. ' 1' end
  local highest, bits = string.match(held, '^(%d+) ([01]+)$')
  highest, nc = tonumber(highest), tonumber(nc)
  if nc > highest then
    local gap = nc - highest
    if gap >= WINDOW then return nc .. ' 1' end
    return nc .. ' ' .. string.sub('1' .. string.rep('0', gap - 1) .. bits, 1, WINDOW)
  end
  local at = highest - nc + 1
  if at > WINDOW or string.sub(bits, at, at) == '1' then return nil end
  bits = bits .. string.rep('0', at - #bits)
  return highest .. ' ' .. string.sub(bits, 1, at - 1) .. '1' .. string.sub(bits, at + 1)
end

-- Until when an attempt holds what it asks for (ms), because a gate has answered it that could not say so; 0: it does not.
local function held_until(keys, argv)
  local counters, rates = tonumber(argv[3]), tonumber(argv[4])
  if counters > 0 then return tonumber(redis.call('ZSCORE', keys[1], argv[1]) or 0) end
  return tonumber(redis.call('GET', keys[counters + rates + 1]) or 0)
end

-- Of an attempt's limits, the first that is full, as `admit` answers it; or nil, and what its rates are to be.
local function full(keys, argv, now, known)
  local counters, rates = tonumber(argv[3]), tonumber(argv[4])
  for i = 1, counters do
    local most = tonumber(argv[10 + i])
    if not (known and redis.call('ZSCORE', keys[i], argv[1])) and taken(keys[i], most, math.floor(now / 1000)) >= most then
      return { 'over', i, 0 }
    end
  end
  local arrivals = {}
  for i = 1, known and 0 or rates do
    local interval, burst = tonumber(argv[9 + counters + 2 * i]), tonumber(argv[10 + counters + 2 * i])
    if burst < 1 then return { 'over', counters + i, 0 } end
    local before = tonumber(redis.call('GET', keys[counters + i]) or 0)
    -- none of ours is further ahead: the clock was set back, and all would be refused until it is there again
    if before > now + interval * burst then before = 0 end
    local arrival = math.max(before, now) + interval
    local late = arrival - now - interval * burst
    if late > 0 then return { 'over', counters + i, math.ceil(late / 1000) } end
    arrivals[i] = arrival
  end
  return nil, arrivals
end

--[[ admit: all that one attempt asks for, or nothing.
KEYS  counters, rates, asked:ID, then the nonce and `epoch` if there is one, then signatures (passport:...), then what `weigh`
      of money.lua takes
ARGV  record id, hold in ms, how many counters, how many rates, nc ('' for no nonce), the nonce's end in ms, its epoch, how
      many signatures, a mark of this call, how many ms a signature is remembered, then for each counter its most, then for each rate its interval in us and its burst, then what `weigh` takes if the
      call costs money; the question's end
=>    {'held', end of the hold in ms, number of the first signature that is another call's, from 1, 0 for none, then numbers of
      the carriers whose cap is reached} | {'late', now in ms} | {'replayed'}
      | {'forgotten', the epoch now} | {'over-spend', ...} | {'frozen', ms, epoch} | {'foreign', currency} |
      {'ended'}, as money.lua has them
      | {'over', number of the key from 1, ms after which a rate lets the next one through; 0 where none is known} ]]
local function admit(keys, argv)
  local id, hold_ms = argv[1], tonumber(argv[2])
  local counters, rates, nc = tonumber(argv[3]), tonumber(argv[4]), argv[5]
  local now = now_us()
  local signatures, call, window_ms = tonumber(argv[8]), argv[9], argv[10]
  local given_up = late(argv, now)
  if given_up then return given_up end
  local now_ms = math.floor(now / 1000)
  local at = counters + rates + 2
  -- 1. was this attempt answered before?
  local held = held_until(keys, argv)
  local known = held > now_ms
  -- 2. nothing is written before all of it is looked at
  local used
  if nc ~= '' then
    local epoch = epoch_of(keys[at + 1], now)
    if not known and argv[7] ~= epoch then return { 'forgotten', epoch } end
    used = not known and use(keys[at], nc) or nil
    if not known and not used then return { 'replayed' } end
  end
  local over, arrivals = full(keys, argv, now, known)
  if over then return over end
  local first = at + (nc ~= '' and 2 or 0)
  local money_at, slice, no = 10 + counters + 2 * rates, nil, nil
  if #argv > money_at + 1 then
    slice, no = money.weigh(keys, argv, first + signatures, money_at + 1, id, now)
    if no then return no end
  end
  -- 3. it is let through
  local until_ms = now_ms + hold_ms
  -- later than the reservation before it: that one, given up by its gate, is no longer this one
  if known then until_ms = math.max(until_ms, held + 1) end
  for i = 1, counters do
    redis.call('ZADD', keys[i], whole(until_ms), id)
    redis.call('PEXPIRE', keys[i], KEEP_MS)
  end
  for i, arrival in pairs(arrivals) do
    redis.call('SET', keys[counters + i], whole(arrival), 'PX', whole(math.ceil((arrival - now) / 1000)))
  end
  if used then redis.call('SET', keys[at], used, 'PX', whole(math.max(tonumber(argv[6]) - now_ms, 1))) end
  -- a fork and a repetition have the call's own mark; a call that was refused has left none
  local replayed = 0
  for i = 1, signatures do
    local key = keys[first + i - 1]
    local held = redis.call('GET', key)
    if not held then redis.call('SET', key, call, 'PX', window_ms)
    elseif held ~= call and replayed == 0 then replayed = i end
  end
  if counters == 0 then redis.call('SET', keys[at - 1], whole(until_ms), 'PX', ASKED_MS) end
  if slice then money.reserve(id, slice, hold_ms, until_ms) end
  return { 'held', until_ms, replayed, unpack(slice and slice.left or {}) }
end

--[[ room: whether the limits of an attempt have room for it now; it takes nothing.
KEYS  counters, rates, asked:ID
ARGV  as `admit`, without nonce, signatures and money
=>    {'room'} | {'over', ...} | {'late', ...} as `admit` has them ]]
local function room(keys, argv)
  local now = now_us()
  local given_up = late(argv, now)
  if given_up then return given_up end
  return full(keys, argv, now, held_until(keys, argv) > math.floor(now / 1000)) or { 'room' }
end

--[[ renew: running and ringing calls go on holding their places, also in a Valkey that has lost its data.
KEYS  for each call ended:ID and the counters it holds
ARGV  hold in ms, then for each call its record id and how many counters
=>    how many were renewed ]]
local function renew(keys, argv)
  local until_ms = whole(math.floor(now_us() / 1000) + tonumber(argv[1]))
  local at, renewed = 0, 0
  for call = 2, #argv, 2 do
    local id, counters = argv[call], tonumber(argv[call + 1])
    if redis.call('EXISTS', keys[at + 1]) == 0 then
      for i = at + 2, at + 1 + counters do
        redis.call('ZADD', keys[i], until_ms, id)
        redis.call('PEXPIRE', keys[i], KEEP_MS)
      end
      renewed = renewed + 1
    end
    at = at + 1 + counters
  end
  return renewed
end

--[[ release: places are free at once.
KEYS  for each call ended:ID and the counters it holds
ARGV  for each call its record id, how many counters, and the end of the hold that is given up in ms; '' for a
      call that is over, 'moved' for one that goes on elsewhere, whoever reserved for it
=>    how many places were freed ]]
local function release(keys, argv)
  local at, freed = 0, 0
  for call = 1, #argv, 3 do
    local id, counters, held_until = argv[call], tonumber(argv[call + 1]), argv[call + 2]
    for i = at + 2, at + 1 + counters do
      if held_until == '' or held_until == 'moved' or tonumber(redis.call('ZSCORE', keys[i], id) or -1) == tonumber(held_until) then
        freed = freed + redis.call('ZREM', keys[i], id)
      end
    end
    if held_until == '' then redis.call('SET', keys[at + 1], '', 'PX', ENDED_MS) end
    at = at + 1 + counters
  end
  return freed
end

--[[ count: what is in use, for a person who asks.
KEYS  counters and rates
ARGV  for each rate key its interval in us and its burst, '' and '' for a counter
=>    for each key the calls that hold a place; for a rate those of its burst that have been used up ]]
local function count(keys, argv)
  local now = now_us()
  local found = {}
  for i, key in ipairs(keys) do
    local interval = argv[2 * i - 1]
    if interval == '' then
      found[i] = redis.call('ZCOUNT', key, "(" .. whole(math.floor(now / 1000)), '+inf')
    else
      local ahead = tonumber(redis.call('GET', key) or 0) - now
      found[i] = math.min(math.max(math.ceil(ahead / tonumber(interval)), 0), tonumber(argv[2 * i]))
    end
  end
  return found
end

redis.register_function('tw5_admit', admit)
redis.register_function('tw5_room', room)
redis.register_function('tw5_renew', renew)
-- also when memory is full: it only gives back
redis.register_function { function_name = 'tw5_release', callback = release, flags = { 'allow-oom' } }
redis.register_function { function_name = 'tw5_count', callback = count, flags = { 'no-writes' } }

--[[ bind: one trunk's bindings in the place of what they were made of. The gate makes them (`admission.registration`):
here is nothing to be known of SIP.
KEYS  the bindings
ARGV  what stood there ('?' never does), what is to stand there, for how many ms; the question's end
=>    {'bound', time in us} | {'other', what stands there, time in us} | {'late', now in ms} ]]
local function bind(keys, argv)
  local now_number = now_us()
  local given_up = late(argv, now_number)
  if given_up then return given_up end
  local now, there = whole(now_number), redis.call('GET', keys[1]) or ''
  if there ~= argv[1] then return { 'other', there, now } end
  redis.call('SET', keys[1], argv[2], 'PX', argv[3])
  return { 'bound', now }
end

redis.register_function('tw5_bind', bind)

--[[ epoch: what a new nonce is to name.
KEYS  epoch
=>    the epoch now ]]
local function epoch(keys)
  return epoch_of(keys[1], now_us())
end

redis.register_function('tw5_epoch', epoch)

local function of_money(name, flags)
  local function callback(keys, argv) return money[name](keys, argv, now_us()) end
  redis.register_function { function_name = 'tw5_' .. name, callback = callback, flags = flags }
end

-- also when memory is full: who is not renewed is taken for lost
of_money('renew_legs', { 'allow-oom' })
of_money('settle', { 'allow-oom' })
of_money('spent', { 'no-writes' })
of_money('legs', { 'no-writes' })
of_money('watch', { 'allow-oom' })
of_money('forget', { 'allow-oom' })
of_money('heard', { 'allow-oom' })
of_money('recalled', { 'allow-oom' })
of_money('restoring', { 'allow-oom' })
of_money('restored', { 'allow-oom' })

local function of_nodes(name)
  local function callback(keys, argv) return nodes[name](keys, argv, now_us()) end
  redis.register_function { function_name = 'tw5_' .. name, callback = callback, flags = { 'allow-oom' } }
end

of_nodes('here')
of_nodes('leave')
of_nodes('tell')
of_nodes('orphans')
