--[[ The nodes of one Valkey: who is there, and what one that dies leaves to the others. `money.lua` stands before this, and its
`look`, `leg_of` and `keep` are used.

Under the keys:
  nodes     hash: by its name, INSTANCE UNTIL of each node that is or was there: which of those that go by this name, until
            when (ms since the epoch, by Valkey's clock) it holds it
  left:ID   string: of an answered call, what another node needs to end it (`calls.orphan`)
  left:ends:NODE  hash: by their ids, how calls of a node have ended that died over them, until it is back and takes that down
  survivor  string: the node that sees to calls whose node renews them no more
]]

local nodes = {}

--[[ here: a node says that it is there, each second. A name is held by one: another instance gets it when nobody holds it.
KEYS  nodes
ARGV  its name, its instance, hold in ms, ms after which one that is gone is forgotten
=>    1, or 0 where another instance holds the name; then each node's name, and ms until its hold is over (below 0: it was) ]]
function nodes.here(keys, argv, time)
  local now_ms, hold_ms, keep_ms = math.floor(time / 1000), tonumber(argv[3]), tonumber(argv[4])
  local found, mine = {}, 1
  local all = redis.call('HGETALL', keys[1])
  for i = 1, #all, 2 do
    local name, instance, until_ms = all[i], string.match(all[i + 1], '^(%S+) (%d+)$')
    local left = tonumber(until_ms) - now_ms
    if name == argv[1] then
      -- a hold is never longer than this: the clock was put back
      if instance ~= argv[2] and left > 0 and left <= hold_ms then mine = 0 end
    elseif left < -keep_ms then
      redis.call('HDEL', keys[1], name)
    end
    if name ~= argv[1] or mine == 0 then found[#found + 1], found[#found + 2] = name, left end
  end
  if mine == 1 then
    redis.call('HSET', keys[1], argv[1], argv[2] .. ' ' .. string.format('%.0f', now_ms + hold_ms))
    found[#found + 1], found[#found + 2] = argv[1], hold_ms
  end
  return { mine, unpack(found) }
end

--[[ leave: calls are answered, and this is what is needed to end them from elsewhere.
KEYS  ledger, legs, then for each call leg:ID and left:ID
ARGV  ms for which it is kept, then for each call its id, ms since the answer, and the text
=>    how many were kept ]]
function nodes.leave(keys, argv, time)
  local now_ms = math.floor(look(time, 0, false, true) / 1000)
  local kept = 0
  for call = 1, (#argv - 1) / 3 do
    local id, lasted, text_of = argv[3 * call - 1], tonumber(argv[3 * call]), argv[3 * call + 1]
    local leg, ended = leg_of(id)
    if not ended then
      if leg and leg.since == 0 then
        leg.since = now_ms - lasted
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

--[[ orphans: calls that nobody renews, for the node that sees to them: the first that asks, as long as it goes on asking.
KEYS  ledger, legs, survivor
ARGV  the node, for how many ms it is the one, how many calls at most
=>    nothing for others; else the ledger's time in ms, then for each call its id, what is kept of its leg, and what it left ]]
function nodes.orphans(keys, argv, time)
  local survivor = redis.call('GET', keys[3])
  if survivor and survivor ~= argv[1] then return {} end
  redis.call('SET', keys[3], argv[1], 'PX', argv[2])
  local overdue = money.legs(keys, { '-inf', 'now', argv[3] }, time)
  local _, frozen, epoch = look(time, 0, false, true)
  local found = { overdue[1] }
  for i = 2, #overdue, 2 do
    -- while a ledger may have lost something its nodes are still telling: such a call may have ended long ago
    local leg = frozen > 0 and leg_of(overdue[i])
    if not leg or leg.epoch == epoch then
      found[#found + 1], found[#found + 2] = overdue[i], overdue[i + 1]
      found[#found + 1] = redis.call('GET', 'left:' .. overdue[i]) or ''
    end
  end
  return found
end
