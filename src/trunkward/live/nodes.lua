--[[ The nodes of one Valkey: who is there, and what one that dies leaves to the others. `money.lua` stands before this, and its
`look`, `leg_of`, `keep` and `answered` are used.

Under the keys:
  nodes     hash: by its name, INSTANCE UNTIL SINCE of each node that is or was there: which of those that go by this name,
            until when (ms since the epoch, by Valkey's clock) it holds it, and since when (the legs' time) without a break
  left:ID   string: of an answered call, what another node needs to end it (`calls.orphan`)
  left:ends:NODE  hash: by their ids, how calls of a node have ended that died over them, until it is back and takes that down
  survivor  string: the node that sees to calls whose node renews them no more
]]

local nodes = {}

-- for so long a node that is there may see to its overdue calls before others do: it asks for them each second
local ITS_OWN_MS = 5000

--[[ here: a node says that it is there, each second. A name is held by one: another instance gets it when nobody holds it.
KEYS  nodes, ledger
ARGV  its name, its instance, hold in ms, ms after which one that is gone is forgotten
=>    1, or 0 where another instance holds the name; then each node's name, and ms until its hold is over (below 0: it was) ]]
function nodes.here(keys, argv, time)
  local now_ms, hold_ms, keep_ms = math.floor(time / 1000), tonumber(argv[3]), tonumber(argv[4])
  local found, mine = {}, 1
  local all = redis.call('HGETALL', keys[1])
  local _, _, _, _, _, _, since = look(time, 0, false, true)
  for i = 1, #all, 2 do
    local name, instance, until_ms, since_ms = all[i], string.match(all[i + 1], '^(%S+) (%d+) ?(%d*)$')
    local left = tonumber(until_ms) - now_ms
    if name == argv[1] then
      if instance == argv[2] and left > 0 then since = tonumber(since_ms) or since end
      -- a hold is never longer than this: the clock was put back
      if instance ~= argv[2] and left > 0 and left <= hold_ms then mine = 0 end
    elseif left < -keep_ms then
      redis.call('HDEL', keys[1], name)
    end
    if name ~= argv[1] or mine == 0 then found[#found + 1], found[#found + 2] = name, left end
  end
  if mine == 1 then
    redis.call('HSET', keys[1], argv[1], string.format('%s %.0f %.0f', argv[2], now_ms + hold_ms, since))
    found[#found + 1], found[#found + 2] = argv[1], hold_ms
  end
  return { mine, unpack(found) }
end

--[[ leave: calls are answered, and this is what is needed to end them from elsewhere.
KEYS  ledger, legs, then for each call leg:ID and left:ID
ARGV  ms for which it is kept, then for each call its id, ms since the answer, and the text
=>    how many were kept ]]
function nodes.leave(keys, argv, time)
  local _, _, _, _, _, _, legs_ms = look(time, 0, false, true)
  local kept = 0
  for call = 1, (#argv - 1) / 3 do
    local id, lasted, text_of = argv[3 * call - 1], tonumber(argv[3 * call]), argv[3 * call + 1]
    local leg, ended = leg_of(id)
    if not ended then
      if leg and leg.since == 0 then
        answered(leg, lasted, legs_ms, time)
        keep(id, leg)
      end
      redis.call('SET', keys[2 * call + 2], text_of, 'PX', argv[1])
      kept = kept + 1
    end
  end
  return kept
end

--[[ tell: calls of nodes that have died are over.
KEYS  for each call left:ends:NODE
ARGV  ms for which it is kept, then for each call its id, and how it ended
=>    1 ]]
function nodes.tell(keys, argv)
  for call = 1, #keys do
    -- who comes second has seen it later
    if not redis.call('HGET', keys[call], argv[2 * call]) then
      redis.call('HSET', keys[call], argv[2 * call], argv[2 * call + 1])
    end
    redis.call('PEXPIRE', keys[call], argv[1])
  end
  return 1
end

-- Whether a leg's node is there, and has had no time yet to renew or to settle what is overdue.
local function is_its_own(leg, there, legs_ms, now_ms)
  local until_ms, since = string.match(there or '', '^%S+ (%d+) (%d+)$')
  return until_ms ~= nil and tonumber(until_ms) > now_ms
    and legs_ms - math.max(leg.until_ms, tonumber(since)) < ITS_OWN_MS
end

--[[ orphans: calls that nobody renews, for the node that sees to them: the first that asks, as long as it goes on asking. A node
is told of its own in any case: it may have them still, or know how they have ended. And of those it says have ended.
KEYS  ledger, legs, survivor, nodes
ARGV  the node, for how many ms it is the one, how many calls at most, then the ids of calls that have ended
=>    the legs' time and Valkey's in ms, then for each call its id, what is kept of its leg ('' for nothing), what it left, and
      `told`: it is one of those that have ended; `due`: it is to be ended; `waits`: its node has time yet; or `mine`: another
      node sees to it ]]
function nodes.orphans(keys, argv, time)
  local survivor = redis.call('GET', keys[3])
  local sees = not survivor or survivor == argv[1]
  if sees then redis.call('SET', keys[3], argv[1], 'PX', argv[2]) end
  local _, frozen, epoch, _, _, _, legs_ms = look(time, 0, false, true)
  -- who sees to them looks at each again a second later: to the others it has not gone out of sight meanwhile
  local overdue = money.legs(keys, { '-inf', sees and 'now' or string.format('%.0f', legs_ms + AGAIN_MS), argv[3] }, time)
  local found, told, there = { overdue[1], overdue[2] }, {}, {}
  local function tell(id, held, what)
    local at = #found
    found[at + 1], found[at + 2], found[at + 3], found[at + 4] = id, held, redis.call('GET', 'left:' .. id) or '', what
  end
  -- while a ledger may have lost something its nodes are still telling: such a call may have ended long ago
  local function is_known(leg) return frozen == 0 or leg.epoch == epoch end
  for i = 4, #argv do
    local leg = leg_of(argv[i])
    told[argv[i]] = true
    if not leg then tell(argv[i], '', 'told')
    elseif is_known(leg) then tell(argv[i], redis.call('GET', 'leg:' .. argv[i]), 'told') end
  end
  for i = 3, #overdue, 2 do
    local id, held = overdue[i], overdue[i + 1]
    local leg = not told[id] and leg_of(id)
    if leg and leg.until_ms <= legs_ms and is_known(leg) and (sees or leg.node == argv[1]) then
      if there[leg.node] == nil then there[leg.node] = redis.call('HGET', keys[4], leg.node) end
      local waits = is_its_own(leg, there[leg.node], legs_ms, math.floor(time / 1000))
      tell(id, held, not sees and 'mine' or waits and 'waits' or 'due')
    end
  end
  return found
end
