--[[ The ledger: money is reserved in slices before it is spent. For each owner, and each window of time,
`settled + granted <= cap`: what has been charged, and what running calls may still cost.

Amounts are whole micro-units below 2^53, counted by who asks: here they are added and compared, never multiplied.

Under the keys:
  money:KIND:NAME  hash of an owner: `state`, what is granted now, and for each window (hour, day, month) what is settled in
                   it, its oldest and its newest bucket; and what is settled in each bucket (`hN`, `dN`, `mN`)
  leg:ID           a call, or a gate's escrow: UNTIL RESERVATION ADMITTED SINCE EPOCH NODE BEGAN (SINCE 0: it rings), then a
                   line for each owner: KEY TARIFF SETTLED GRANTED FORCED. UNTIL, ADMITTED and SINCE are ms of the legs' time;
                   BEGAN is SINCE, or while it rings ADMITTED, by Valkey's clock. `ended` for LATE_MS when it is over; with a
                   line `KEY SETTLED` for each owner, for OPEN_MS, where it may have cost more
  legs             sorted set: the ids of legs, each with its UNTIL; those of dead nodes, and escrow, with when they are looked at
                   next
  ledger           hash: what is said at `look`, `heard`, `recalled` and `restored`; times of which charges may be lost; and the currency of all amounts, which the
                   first node names that watches

Legs live by a time of their own, in which no leap of a clock counts: the ledger's, less what that has leapt. So a clock that is put
right, and a Valkey that stood still, make nobody overdue who was about to renew.

A total is a sum of buckets, and a bucket frees when its newest second has left the window, all of it at once: never
before its time, and at no midnight.
]]

local money = {}

-- each window: its letter, us of a bucket, and how many full buckets it is long (one more is counted)
local WINDOWS = { { 'h', 60000000, 60 }, { 'd', 1800000000, 48 }, { 'm', 43200000000, 60 } }
local LEDGER, LEGS = 'ledger', 'legs'
-- what is late (a settlement, a renewal) comes before this
local LATE_MS = 900000
-- in this time each gate in reach asks for its leases again
local FORGOTTEN_MS = 60000
-- so does what a node tells that was only cut off, of a call that others have settled: longer than any call lasts
local OPEN_MS = 90000000
-- a leg of a dead node that was looked at comes after those that were not
local AGAIN_MS = 1000
-- escrow of a dead gate is nothing to look at before all that rang by it is over (`nodes.py`, `over_in_s`)
local ESCROW_MS = 212000
-- for so long the ledger's time may stand unlooked at; a longer step is a clock that has leapt
local STEP_US = 10000000
-- of a step, what a freeze is over sooner by, and legs grow older; who looks each second loses nothing
local THAW_US = 2000000

-- epochs of which it is remembered what each may have lost: who has not charged that again yet is few behind
local MOST_EPOCHS = 16

-- which server this is, of which history of writes, and the ledger's time of the last look: both are of this process
local me, latest = nil, 0

-- A server that is another's replica for a while, and its own master again, keeps its `run_id`, but not the name of its
-- history: it has that of a master who may have known less.
local function identity()
  local info = redis.call('INFO', 'server', 'replication')
  return string.match(info, 'run_id:(%x+)') .. ':' .. string.match(info, 'master_replid:(%x+)')
end

local function text(number)
  return string.format('%.0f', number)
end

-- One more time of which charges may be lost, `EPOCH:FROM:UNTIL` in us by the clock; of many, the two oldest are one.
local function remembered(lost, epoch, from, till)
  local times = {}
  for one in string.gmatch(lost, '%S+') do times[#times + 1] = one end
  times[#times + 1] = text(epoch) .. ':' .. text(from) .. ':' .. text(till)
  if #times > MOST_EPOCHS then
    local first = string.match(table.remove(times, 1), ':(%d+):')
    times[1] = string.gsub(times[1], ':%d+:', ':' .. first .. ':')
  end
  return table.concat(times, ' ')
end

--[[ look: the ledger's time, and whether it may be relied on.

The time is Valkey's, as far as that can be believed: it never goes back, and it leaps by no more than STEP_US unless
who asks vouches for the clock. So a clock that is put wrong frees no money.

Another server than the one that wrote here last (a restart, a failover, a copy of an older file) may have lost what was
granted and settled: an epoch begins, and for the longest grant nothing more is granted. So may one that is the same and of
which who asks has heard of a later epoch: he was sent back to a server that others had taken over from. By then each call has been
renewed, and so is known again, or has ended with its grant. A clock that leaps, or is put forward by who vouches for it,
thaws nothing: of each step no more than THAW_US count, and an eighth is added for that.
=>    time in us, ms for which nothing is granted, epoch, ahead of Valkey's clock in us, times of which charges may be lost,
      currency or false, the legs' time in ms ]]
local function look(time, longest_ms, vouched, writes, heard)
  me = me or identity()
  local known = redis.call('HMGET', LEDGER, 'run', 'seen', 'ahead', 'woke', 'epoch', 'longest', 'lost', 'currency',
    'leapt')
  local run, leapt = known[1], tonumber(known[9] or 0)
  local seen, ahead, woke, epoch, longest, lost = tonumber(known[2] or 0), tonumber(known[3] or 0),
    tonumber(known[4] or 0), tonumber(known[5] or 0), tonumber(known[6] or 0), known[7] or ''
  local now = time
  if run then
    local last = math.max(latest, seen)
    now = math.min(math.max(time + ahead, last), last + STEP_US)
    if vouched then now = math.max(now, time) end
    leapt = leapt + math.max(now - last - THAW_US, 0)
    if last < woke + longest * 1125 then woke = woke + math.max(now - last - THAW_US, 0) end
  end
  heard = heard or 0
  local woken, behind = run ~= me or heard > epoch, longest_ms > longest
  if woken then
    -- by the clock, so that it is another also where nothing is left of those before, or the same file is back twice
    woke, epoch = now, math.max(epoch + 1, heard + 1, math.floor(math.max(now, time) / 1000))
    -- charges bear the time of clocks, which the ledger's own may be ahead of
    lost = remembered(lost, epoch, math.max(seen - math.max(tonumber(known[3] or 0), 0), 0), time)
  end
  longest = math.max(longest, longest_ms)
  if writes then
    if woken or behind or now - time ~= ahead or now - seen >= 1000000 then
      redis.call('HSET', LEDGER, 'run', me, 'seen', text(now), 'ahead', text(now - time), 'woke', text(woke),
        'epoch', text(epoch), 'longest', text(longest), 'lost', lost, 'leapt', text(leapt))
    end
    latest = now
  end
  return now, math.max(0, math.ceil((woke + longest * 1125 - now) / 1000)), epoch, now - time, lost, known[8],
    math.floor((now - leapt) / 1000)
end

-- The buckets of a window from one number to another, as fields, and what is in each.
local function buckets(key, letter, first, last)
  local fields = {}
  if last - first <= 100 then
    for n = first, last do fields[#fields + 1] = letter .. text(n) end
  else -- some are far ahead: the clock has leapt
    local numbers = {}
    for _, field in ipairs(redis.call('HKEYS', key)) do
      local n = string.sub(field, 1, 1) == letter and tonumber(string.sub(field, 2))
      if n and n >= first and n <= last then numbers[#numbers + 1] = n end
    end
    table.sort(numbers)
    for i, n in ipairs(numbers) do fields[i] = letter .. text(n) end
  end
  if #fields == 0 then return fields, {} end
  return fields, redis.call('HMGET', key, unpack(fields))
end

--[[ One owner as it stands now, by what has aged out. `writes`: that goes from its hash, too. ]]
local function opened(key, now, writes)
  local g, h, h0, h1, d, d0, d1, m, m0, m1 = string.match(redis.call('HGET', key, 'state') or '',
    '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  local owner = { key = key, granted = tonumber(g or 0), total = { tonumber(h or 0), tonumber(d or 0), tonumber(m or 0) },
    oldest = { tonumber(h0), tonumber(d0), tonumber(m0) }, newest = { tonumber(h1), tonumber(d1), tonumber(m1) }, now = {} }
  for i, window in ipairs(WINDOWS) do
    local n = math.floor(now / window[2])
    local from = n - window[3]
    owner.now[i] = n
    if not g then
      owner.oldest[i], owner.newest[i] = n, n
    elseif owner.oldest[i] < from then
      local out, amounts = buckets(key, window[1], owner.oldest[i], math.min(owner.newest[i], from - 1))
      for _, amount in ipairs(amounts) do owner.total[i] = owner.total[i] - tonumber(amount or 0) end
      owner.oldest[i], owner.newest[i] = from, math.max(owner.newest[i], from)
      if writes then
        if #out > 0 then redis.call('HDEL', key, unpack(out)) end
        owner.changed = true
      end
    end
  end
  return owner
end

--[[ A book is what one function has opened; it is written once, when the function is through. ]]
local function open(book, key)
  local owner = book[key]
  if not owner then
    owner = opened(key, book.now, true)
    book[key], book[#book + 1] = owner, owner
  end
  return owner
end

--[[ While the ledger's time may be behind, a charge lies in the bucket of Valkey's clock: should that be right, the ledger will
be put forward, and the charge must not have aged by it. ]]
local function charge(owner, amount, at)
  owner.changed = true
  for i, window in ipairs(WINDOWS) do
    local n = math.floor(at / window[2])
    if n >= owner.now[i] - window[3] then
      redis.call('HINCRBY', owner.key, window[1] .. text(n), text(amount))
      owner.total[i] = owner.total[i] + amount
      owner.oldest[i], owner.newest[i] = math.min(owner.oldest[i], n), math.max(owner.newest[i], n)
    end
  end
end

local function close(book)
  for _, owner in ipairs(book) do
    local total, oldest, newest = owner.total, owner.oldest, owner.newest
    if owner.granted == 0 and total[1] == 0 and total[2] == 0 and total[3] == 0 then
      redis.call('DEL', owner.key)
    elseif owner.changed then
      redis.call('HSET', owner.key, 'state', string.format('%.0f %.0f %.0f %.0f %.0f %.0f %.0f %.0f %.0f %.0f', owner.granted,
        total[1], oldest[1], newest[1], total[2], oldest[2], newest[2], total[3], oldest[3], newest[3]))
    end
  end
end

-- ms until something of a window frees, 0 where nothing is settled in it
local function frees_in(owner, i, now)
  local window = WINDOWS[i]
  local fields, amounts = buckets(owner.key, window[1], owner.oldest[i], owner.newest[i])
  for at, amount in ipairs(amounts) do
    if tonumber(amount or 0) > 0 then
      return math.ceil(((tonumber(string.sub(fields[at], 2)) + 1 + window[3]) * window[2] - now) / 1000)
    end
  end
  return 0
end

-- One currency for each cap: amounts in another one are never added. The answer, or false.
local function foreign(held, currency)
  return held and currency ~= '' and held ~= currency and { 'foreign', held }
end

--[[ What hinders that a leg costs the owner number `o` so much more, `to` in all: nil, or the answer. Caps stand in `argv`
from `at` on: call, hour, day, month; -1 is none. Where there is none, nothing can be overspent. `frozen`: the answer, or false. ]]
local function hindered(owner, o, more, to, argv, at, now, frozen)
  if more <= 0 then return nil end
  local call, over = tonumber(argv[at]), nil
  if call >= 0 and to > call then over = { 'over-spend', o, 1, call, 0, to - more, 0 } end
  local capped = call >= 0
  for i = 1, #WINDOWS do
    local cap, settled = tonumber(argv[at + i]), owner.total[i]
    capped = capped or cap >= 0
    if not over and cap >= 0 and settled + owner.granted + more > cap then
      over = { 'over-spend', o, i + 1, cap, settled, owner.granted, frees_in(owner, i, now) }
    end
  end
  return capped and frozen or over
end

-- A leg as it is kept: nil where there is none, and what is kept of one that is over, else nil.
local function leg_of(id)
  local held = redis.call('GET', 'leg:' .. id)
  if not held then return nil, nil end
  if string.sub(held, 1, 5) == 'ended' then return nil, held end
  local head, lines = string.match(held, '^([^\n]*)\n(.*)$')
  local until_ms, reservation, admitted, since, epoch, node, began =
    string.match(head, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) ?(%d*)$')
  -- one of the version before has no BEGAN
  if began == '' then began = since == '0' and admitted or since end
  local leg = { until_ms = tonumber(until_ms), reservation = reservation, admitted = admitted, since = tonumber(since),
    epoch = tonumber(epoch), node = node, began = tonumber(began), shares = {} }
  for key, tariff, settled, granted, forced in string.gmatch(lines, '(%S+) (%S+) (%S+) (%S+) (%S+)\n') do
    local share = { key = key, tariff = tariff, settled = tonumber(settled), granted = tonumber(granted),
      forced = tonumber(forced) }
    leg.shares[#leg.shares + 1], leg.shares[key] = share, share
  end
  return leg, nil
end

local function is_escrow(id)
  return string.sub(id, 1, 7) == 'escrow:'
end

-- `look_ms`: when somebody is to look at it; while its node lives that is when it is overdue.
local function keep(id, leg, look_ms)
  local lines = { string.format('%.0f %s %s %.0f %.0f %s %.0f\n', leg.until_ms, leg.reservation, leg.admitted, leg.since,
    leg.epoch, leg.node, leg.began) }
  for i, share in ipairs(leg.shares) do
    lines[i + 1] = string.format('%s %s %.0f %.0f %.0f\n', share.key, share.tariff, share.settled, share.granted, share.forced)
  end
  redis.call('SET', 'leg:' .. id, table.concat(lines))
  redis.call('ZADD', LEGS, text(look_ms or leg.until_ms + (is_escrow(id) and ESCROW_MS or 0)), id)
end

-- It was answered so many ms ago, or earlier: who told it may have been heard late, but not too soon.
local function answered(leg, lasted_ms, legs_ms, time)
  local since, began = legs_ms - lasted_ms, math.floor(time / 1000) - lasted_ms
  if leg.since ~= 0 then since, began = math.min(since, leg.since), math.min(began, leg.began) end
  leg.since, leg.began = since, began
end

-- One owner's part of a leg is to cost so much in all: what is granted follows.
local function grant(owner, share, to)
  local more = to - share.settled - share.granted
  if more > 0 then
    share.granted = share.granted + more
    owner.granted, owner.changed = owner.granted + more, true
  end
end

-- So much in all has been used: it is charged, and no longer granted.
local function settle_share(owner, share, to, at)
  local used = to - share.settled
  if used <= 0 then return end
  local of_grant = math.min(used, share.granted)
  share.settled, share.granted = to, share.granted - of_grant
  owner.granted = owner.granted - of_grant
  charge(owner, used, at)
end

local function free(owner, share)
  owner.granted, owner.changed, share.granted = owner.granted - share.granted, true, 0
end

--[[ weigh: whether a new leg's first slice is there. Part of `admit`; nothing is written.
KEYS  from k: ledger, legs, leg:ID, then the owners
ARGV  from a: longest grant in ms, node, currency, then for each owner 1 for a carrier (who may be left out) or 0, its tariff, amount, and
      caps for call, hour, day, month
=>    what `reserve` is given, or nil and the answer ]]
local function weighed(book, keys, argv, k, a, id, time)
  local now, frozen_ms, epoch, _, _, currency, legs_ms = look(time, tonumber(argv[a]), false, true)
  local frozen = foreign(currency, argv[a + 2]) or frozen_ms > 0 and { 'frozen', frozen_ms, epoch }
  local leg, ended = leg_of(id)
  if ended then return nil, { 'ended' } end
  book.now = now
  leg = leg or { until_ms = 0, admitted = text(legs_ms), since = 0, epoch = epoch, began = math.floor(time / 1000), shares = {} }
  leg.node = argv[a + 1]
  local plan = { book = book, leg = leg, legs_ms = legs_ms, grants = {}, left = {} }
  local carriers, going, last = 0, 0, nil
  for i = 1, #keys - k - 2 do
    local at = a + 3 + 7 * (i - 1)
    local key, to = keys[k + 2 + i], tonumber(argv[at + 2])
    local owner, share = open(plan.book, key), leg.shares[key]
    share = share or { key = key, tariff = argv[at + 1], settled = 0, granted = 0, forced = 0 }
    local more = to - share.settled - share.granted
    local no = hindered(owner, i, more, to, argv, at + 3, now, frozen)
    local carrier = argv[at] == '1'
    if carrier then carriers = carriers + 1 end
    if no then
      last = no
      if not carrier then return nil, last end
      plan.left[#plan.left + 1] = i
    else
      if carrier then going = going + 1 end
      plan.grants[#plan.grants + 1] = { owner, share, to }
    end
  end
  if carriers > 0 and going == 0 then return nil, last end
  return plan
end

function money.weigh(keys, argv, k, a, id, time)
  local book = { now = 0 }
  local plan, no = weighed(book, keys, argv, k, a, id, time)
  if no then close(book) end
  return plan, no
end

--[[ reserve: what was weighed is granted. `until_ms` of the places names this reservation. ]]
function money.reserve(id, plan, hold_ms, until_ms)
  local leg = plan.leg
  for _, one in ipairs(plan.grants) do
    local owner, share, to = unpack(one)
    grant(owner, share, to)
    if not leg.shares[share.key] then leg.shares[#leg.shares + 1], leg.shares[share.key] = share, share end
  end
  leg.reservation = text(until_ms)
  leg.until_ms = math.max(leg.until_ms, plan.legs_ms + hold_ms)
  keep(id, leg)
  close(plan.book)
end

--[[ renew_legs: legs go on. What has been used is charged, and the next slice granted where each window has room.
KEYS  ledger, legs, then for each leg leg:ID and its owners, who stay; others' grants are free
ARGV  hold in ms, longest grant in ms, node, currency, then for each leg its id, ms since the answer ('' while it rings), ms until it is
      overdue should it get nothing ('' for one that is dead: its grant grows whatever the caps say, and is told as forced),
      how many owners, and for each owner its tariff, used in all, granted in all before, to be granted in all, and caps for
      call, hour, day, month
=>    for each leg {'granted'} | {'ended'} | {'frozen', ms, epoch} | {'foreign', currency} | {'over-spend', number of the owner, window, cap, settled,
      granted, ms until something frees}; not granted, a leg has what it had ]]
function money.renew_legs(keys, argv, time)
  local hold_ms, longest = tonumber(argv[1]), tonumber(argv[2])
  local now, frozen_ms, epoch, _, _, currency, legs_ms = look(time, longest, false, true)
  local frozen = foreign(currency, argv[4]) or frozen_ms > 0 and { 'frozen', frozen_ms, epoch }
  local book, answers, k, a = { now = now }, {}, 2, 4
  while a < #argv do
    local id, lasted, left_ms, count = argv[a + 1], argv[a + 2], tonumber(argv[a + 3]), tonumber(argv[a + 4])
    local dead = not left_ms
    local leg, ended = leg_of(id)
    if ended or (dead and not leg) then
      answers[#answers + 1] = { 'ended' }
    else
      local lost = not leg or leg.epoch ~= epoch
      leg = leg or { until_ms = 0, reservation = '-', admitted = text(legs_ms), since = 0, began = math.floor(time / 1000),
        shares = {} }
      -- of a dead leg nobody knows more than the ledger does
      if not dead then
        leg.epoch, leg.node = epoch, argv[3]
        if lasted ~= '' then answered(leg, tonumber(lasted), legs_ms, time) end
      end
      -- 1. what is so whatever the caps say: used, and granted by a ledger that has lost it
      local shares, wanted, no = {}, {}, nil
      for i = 1, count do
        local at, key = a + 4 + 8 * (i - 1), keys[k + 1 + i]
        local owner, share = open(book, key), leg.shares[key]
        share = share or { key = key, tariff = argv[at + 1], settled = 0, granted = 0, forced = 0 }
        shares[i], shares[key] = share, share
        -- it was taken for dead, and is not: what nobody has granted it is not its own
        if not dead and share.forced > 0 then
          local back = math.min(share.forced, share.granted)
          share.granted, share.forced = share.granted - back, 0
          owner.granted, owner.changed = owner.granted - back, true
        end
        if lost then grant(owner, share, tonumber(argv[at + 3])) end
        settle_share(owner, share, tonumber(argv[at + 2]), math.max(now, time))
        wanted[i] = tonumber(argv[at + 4])
      end
      for _, share in ipairs(leg.shares) do
        if not shares[share.key] then free(open(book, share.key), share) end
      end
      -- 2. the next slice: of all owners or of none
      for i, share in ipairs(shares) do
        local owner, at = book[share.key], a + 8 + 8 * (i - 1)
        local more = wanted[i] - share.settled - share.granted
        if dead then
          share.forced = share.forced + math.max(more, 0)
        else
          no = no or hindered(owner, i, more, wanted[i], argv, at + 1, now, frozen)
        end
      end
      if not no then
        for i, share in ipairs(shares) do grant(book[share.key], share, wanted[i]) end
      end
      -- what gets nothing has no longer than it has paid for: then it is over, or its node is dead
      if not dead then
        leg.until_ms = math.max(leg.until_ms, legs_ms + (no and left_ms or hold_ms))
      end
      leg.shares = shares
      keep(id, leg, dead and legs_ms + AGAIN_MS)
      answers[#answers + 1] = no or { 'granted' }
    end
    a, k = a + 4 + 8 * count, k + 1 + count
  end
  close(book)
  return answers
end

-- Of a leg that was settled at the least: what each owner has been charged.
local function left_open(ended)
  local leg = { shares = {} }
  for key, settled in string.gmatch(ended or '', '\n(%S+) (%d+)') do
    local share = { key = key, settled = tonumber(settled), granted = 0 }
    leg.shares[#leg.shares + 1], leg.shares[key] = share, share
  end
  return leg
end

--[[ settle: legs are over. What each has cost is charged, and the rest of its grants is free. Once: told again, or after its
time, it changes nothing; but what was settled at the least, as nobody knew its end, who knows more adds to.
KEYS  ledger, legs, then for each leg leg:ID and its owners
ARGV  for each leg its id, the reservation that is given up ('' for a leg that is over, whoever reserved for it, 'least' for one
      that may have cost more), when it ended in ms since the epoch (0: now), how many owners, and for each owner what it has
      cost in all
=>    for each leg 1, or 0 where there was nothing to do ]]
function money.settle(keys, argv, time)
  local now, _, _, ahead = look(time, 0, false, true)
  local book, answers, k, a = { now = now }, {}, 2, 0
  while a < #argv do
    local id, reservation, at, count = argv[a + 1], argv[a + 2], tonumber(argv[a + 3]), tonumber(argv[a + 4])
    local leg, ended = leg_of(id)
    local least = reservation == 'least'
    local over = reservation == '' or least
    if ended == 'ended' or not (over or leg and leg.reservation == reservation) then
      answers[#answers + 1] = 0
    else
      leg = leg or left_open(ended)
      local ended_at = math.max(now, time)
      if at > 0 then ended_at = math.min(at * 1000 + math.max(ahead, 0), ended_at) end
      for i = 1, count do
        local key = keys[k + 1 + i]
        local share = leg.shares[key]
        if not share then
          share = { key = key, settled = 0, granted = 0 }
          leg.shares[#leg.shares + 1], leg.shares[key] = share, share
        end
        settle_share(open(book, key), share, tonumber(argv[a + 4 + i]), ended_at)
      end
      local lines = { 'ended' }
      for i, share in ipairs(leg.shares) do
        free(open(book, share.key), share)
        lines[i + 1] = share.key .. ' ' .. text(share.settled)
      end
      redis.call('ZREM', LEGS, id)
      if over then
        redis.call('SET', 'leg:' .. id, least and table.concat(lines, '\n') or 'ended', 'PX', least and OPEN_MS or LATE_MS)
        redis.call('DEL', 'left:' .. id)
      else
        redis.call('DEL', 'leg:' .. id)
      end
      answers[#answers + 1] = 1
    end
    a, k = a + 4 + count, k + 1 + count
  end
  close(book)
  return answers
end

--[[ spent: what owners have settled and granted, for who asks; nothing is written.
KEYS  ledger, then the owners
=>    for each owner {granted, hour, day, month} ]]
function money.spent(keys, _, time)
  local now = look(time, 0, false, false)
  local found = {}
  for i = 2, #keys do
    local owner = opened(keys[i], now, false)
    found[i - 1] = { owner.granted, unpack(owner.total) }
  end
  return found
end

--[[ legs: those with an UNTIL from one time to another, the first first; nothing is written.
KEYS  ledger, legs
ARGV  from ms, to ms ('-inf', '+inf', '(MS', or 'now'), how many at most
=>    the legs' time and Valkey's in ms, then for each leg its id and what is kept of it ]]
function money.legs(_, argv, time)
  local _, _, _, _, _, _, legs_ms = look(time, 0, false, false)
  local last = argv[2] == 'now' and text(legs_ms) or argv[2]
  local found = { text(legs_ms), text(math.floor(time / 1000)) }
  for _, id in ipairs(redis.call('ZRANGE', LEGS, argv[1], last, 'BYSCORE', 'LIMIT', '0', argv[3])) do
    found[#found + 1], found[#found + 2] = id, redis.call('GET', 'leg:' .. id) or ''
  end
  return found
end

--[[ watch: the ledger's time is looked at, each second; it is told whether the clock can be believed.
KEYS  ledger
ARGV  longest grant in ms, who asks' own time in us if that is known to be right, else '', the currency he counts in or '', and
      the latest epoch he has heard of, 0 for none
=>    {epoch, ms for which nothing is granted, the ledger's time in ms, ms it is ahead of Valkey's clock, the currency of all
      amounts or ''} ]]
function money.watch(_, argv, time)
  local vouched = argv[2] ~= '' and math.abs(tonumber(argv[2]) - time) < 2000000
  me = nil -- its role may have changed since
  local now, frozen, epoch, ahead, _, currency = look(time, tonumber(argv[1]), vouched, true, tonumber(argv[4]))
  if not currency and argv[3] ~= '' then
    currency = argv[3]
    redis.call('HSET', LEDGER, 'currency', currency)
  end
  return { epoch, frozen, math.floor(now / 1000), math.floor(ahead / 1000), currency or '' }
end

--[[ forget: what all owners have spent is gone, and is counted in another currency from then on. Nothing is done while calls are
kept: what they cost is in the old one. So is what gates have leased: an epoch begins, in which that is nobody's.
KEYS  ledger, legs, then all owners there are
ARGV  currency
=>    how many calls hinder it; 0: it is done ]]
function money.forget(keys, argv, time)
  local now, _, epoch, _, lost = look(time, 0, false, true)
  local calls, leases = 0, redis.call('ZRANGE', LEGS, '0', '-1')
  for _, id in ipairs(leases) do
    if not is_escrow(id) then calls = calls + 1 end
  end
  if calls > 0 then return calls end
  for _, id in ipairs(leases) do
    redis.call('SET', 'leg:' .. id, 'ended', 'PX', FORGOTTEN_MS)
    redis.call('ZREM', LEGS, id)
  end
  for i = 3, #keys do redis.call('DEL', keys[i]) end
  epoch = math.max(epoch + 1, math.floor(math.max(now, time) / 1000))
  redis.call('HSET', LEDGER, 'currency', argv[1], 'epoch', text(epoch), 'woke', text(now), 'lost', remembered(lost, epoch, time, time))
  return 0
end

-- In the fields `recalled:NODE` and `restored:NODE` stands the epoch of which each half is known.
local function thawed(nodes, epoch, frozen)
  for _, node in ipairs(nodes) do
    local said = redis.call('HMGET', LEDGER, 'recalled:' .. node, 'restored:' .. node)
    if said[1] ~= epoch or said[2] ~= epoch then return frozen end
  end
  if #nodes > 0 then
    redis.call('HSET', LEDGER, 'woke', '0')
    frozen = 0
  end
  return frozen
end

--[[ heard: a gate knows of this epoch: by what it had leased in one before it spends nothing any more.
KEYS  ledger
ARGV  node, epoch, number of the gate, how many gates the node has
=>    1: all of them know; 0: not yet, or it is another epoch by now ]]
function money.heard(_, argv, time)
  local _, _, epoch = look(time, 0, false, true)
  if tonumber(argv[2]) ~= epoch then return 0 end
  local of_node = 'heard:' .. argv[1] .. ':'
  redis.call('HSET', LEDGER, of_node .. argv[3], argv[2])
  for gate = 0, tonumber(argv[4]) - 1 do
    if redis.call('HGET', LEDGER, of_node .. gate) ~= argv[2] then return 0 end
  end
  return 1
end

--[[ recalled: a node has renewed in this epoch each call it has, after all its gates had heard of it.
KEYS  ledger
ARGV  node, epoch, then all nodes there are; none: that is not known
=>    ms for which nothing is granted ]]
function money.recalled(_, argv, time)
  local _, frozen, epoch = look(time, 0, false, true)
  if tonumber(argv[2]) ~= epoch then return frozen end
  redis.call('HSET', LEDGER, 'recalled:' .. argv[1], argv[2])
  return thawed({ unpack(argv, 3) }, argv[2], frozen)
end

--[[ restored: a node has charged again, from the records of one place, what ended in the times that were lost. When all nodes have
said this and `recalled`, nothing is unknown any more.
KEYS  ledger
ARGV  node, place, epoch, then all nodes there are; none: that is not known
=>    ms for which nothing is granted ]]
function money.restored(_, argv, time)
  local _, frozen, epoch = look(time, 0, false, true)
  if tonumber(argv[3]) ~= epoch then return frozen end
  redis.call('HSET', LEDGER, 'restored:' .. argv[1], argv[3], 'whole:' .. argv[2], argv[3])
  return thawed({ unpack(argv, 4) }, argv[3], frozen)
end

--[[ restoring: the times of which a node has charges to make again. One that began before the last was made good is among them still:
each is a time of its own, with what is charged of it under names of its own, so that nothing is charged twice. What another
node has charged from the same place is told, too: records this node has not shipped by then are still to come.
KEYS  ledger
ARGV  node, place, epoch
=>    0: all is charged, or it is another epoch by now; else 1, then for each time its epoch, from and until when in ms since the
      epoch, and 1 where another node has charged what was in this place ]]
function money.restoring(_, argv, time)
  local _, _, epoch, _, lost = look(time, 0, false, true)
  local said = redis.call('HMGET', LEDGER, 'restored:' .. argv[1], 'whole:' .. argv[2])
  if tonumber(argv[3]) ~= epoch or said[1] == argv[3] then return { 0 } end
  -- a place that is new has nothing its node has not had before; who is new in a place, only what a ledger lacks that was empty
  local own, whole = tonumber(said[1] or said[2] or 0), tonumber(said[2] or said[1] or 0)
  local found = { 1 }
  for of, from, till in string.gmatch(lost, '(%d+):(%d+):(%d+)') do
    of = tonumber(of)
    if of > math.min(own, whole) or (not said[1] and from == '0') then
      for _, part in ipairs({ of, math.floor(from / 1000), math.floor(till / 1000), of <= whole and 1 or 0 }) do
        found[#found + 1] = part
      end
    end
  end
  return found
end
