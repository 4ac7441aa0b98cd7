-- Applies what one transaction changed, to all its records at once. The same as Record::changed in record.rs.
--
-- A record is a hash: "v:NAME" values, "x:NAME" when they expire, "updated", "expires". Names are the same in any case.
-- ARGV: the time; then for every key: when it expires, and lists with their lengths before them: what it begins with
-- (name, value), what is removed (name), set (name, value), added to (name, number), expires (name, time).

local now = tonumber(ARGV[1])
local position = 1

local function take()
  position = position + 1
  return ARGV[position]
end

-- The whole number that a text begins with, as Redis wants to see it.
local function whole(text)
  local sign, digits = string.match(text, '^[ \t\n\v\f\r]*([-+]?)0*(%d*)')
  if #digits > 18 then
    local most = sign == '-' and '9223372036854775808' or '9223372036854775807'
    if #digits > 19 or digits > most then digits = most end
  end
  if digits == '' then return '0' end
  return (sign == '-' and '-' or '') .. digits
end

for _, key in ipairs(KEYS) do
  local expires = tonumber(take())
  local fields = {}
  local stored = redis.call('HGETALL', key)
  for at = 1, #stored, 2 do
    fields[string.lower(stored[at])] = { name = stored[at], value = stored[at + 1] }
  end

  local function drop(name)
    local found = fields[string.lower(name)]
    if found then
      redis.call('HDEL', key, found.name)
      fields[string.lower(name)] = nil
    end
  end

  local function write(name, value)
    local found = fields[string.lower(name)]
    redis.call('HSET', key, found and found.name or name, value)
    if not found then fields[string.lower(name)] = { name = name } end
    fields[string.lower(name)].value = value
  end

  local updated = fields['updated'] and tonumber(fields['updated'].value)
  local until_then = fields['expires'] and tonumber(fields['expires'].value)
  local ahead = updated and updated - now or 0
  local alive = updated and until_then and now < until_then and ahead <= until_then - updated
  if alive then
    local expiries = {}
    for lower, field in pairs(fields) do
      if string.sub(lower, 1, 2) == 'x:' then expiries[#expiries + 1] = field end
    end
    for _, field in ipairs(expiries) do
      local time = tonumber(field.value) - math.max(ahead, 0)
      if time <= now then
        drop(field.name)
        drop('v:' .. string.sub(field.name, 3))
      elseif ahead > 0 then
        write(field.name, string.format('%.0f', time))
      end
    end
  else
    redis.call('DEL', key)
    fields = {}
  end

  for _ = 1, tonumber(take()) do
    local name, value = take(), take()
    if not alive then write('v:' .. name, value) end
  end
  for _ = 1, tonumber(take()) do drop('v:' .. take()) end
  for _ = 1, tonumber(take()) do
    local name, value = take(), take()
    write('v:' .. name, value)
  end
  for _ = 1, tonumber(take()) do
    local name, difference = 'v:' .. take(), take()
    local found = fields[string.lower(name)]
    -- Redis counts in 64 bits; a number in Lua has 53.
    local before = whole(found and found.value or '0')
    if not found or found.value ~= before then write(name, before) end
    name = fields[string.lower(name)].name
    local sum = redis.pcall('HINCRBY', key, name, difference)
    if type(sum) == 'table' then
      redis.call('HSET', key, name, string.sub(difference, 1, 1) == '-' and '0' or '9223372036854775807')
    elseif sum < 0 then
      redis.call('HSET', key, name, '0')
    end
    fields[string.lower(name)].value = redis.call('HGET', key, name)
  end
  for _ = 1, tonumber(take()) do
    local name, time = take(), take()
    write('x:' .. name, time)
  end
  write('updated', ARGV[1])
  write('expires', string.format('%.0f', expires))
  if expires > now then
    redis.call('EXPIRE', key, string.format('%.0f', expires - now))
  else
    redis.call('DEL', key)
  end
end
return #KEYS
