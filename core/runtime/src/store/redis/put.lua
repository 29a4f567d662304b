-- Writes a record if its guard holds, and gives it a version that was never given before. Returns 1, or 0 if the
-- guard does not hold.
-- KEYS: the record, the last version. ARGV: the guard ('any', 'absent', or a version), now and the expiry in seconds,
-- the bytes. A record is its version and its expiry, 16 digits each, and then the bytes.
local head = redis.call('GETRANGE', KEYS[1], 0, 31)
local found = ''
if #head == 32 and tonumber(string.sub(head, 17)) > tonumber(ARGV[2]) then
    found = string.sub(head, 1, 16)
end
if ARGV[1] == 'absent' then
    if found ~= '' then return 0 end
elseif ARGV[1] ~= 'any' and ARGV[1] ~= found then
    return 0
end
-- Microseconds: after a failover that has lost the last writes, versions go on beyond the lost ones.
local time = redis.call('TIME')
local version = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
if version <= last then version = last + 1 end
version = string.format('%016.0f', version)
redis.call('SET', KEYS[2], version)
redis.call('SET', KEYS[1], version .. ARGV[3] .. ARGV[4], 'PXAT', string.format('%.0f', tonumber(ARGV[3]) * 1000))
return 1
