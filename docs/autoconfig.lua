-- Wireshark dissector of sanway's auto-configuration protocol, version 1 (autoconfig.cddl names the keys of the data areas).
-- Use: tshark -X lua_script:docs/autoconfig.lua -r FILE, or copy it into Wireshark's folder of personal Lua plugins.
-- Authenticators are shown, not checked: that takes the pool's key.

local vsan = Proto("vsan", "Virtual SAN auto-configuration")

local types = {
  [1] = "STARTUP", [2] = "STARTUP-ACK", [3] = "STORAGE-ENQUIRY", [4] = "STORAGE-INFORMATION",
  [5] = "HEARTBEAT", [6] = "HEARTBEAT-ACK", [7] = "SHUTDOWN", [8] = "SHUTDOWN-ACK",
  [9] = "CONTROL-ANNOUNCE", [10] = "VOLUME-CREATE", [11] = "VOLUME-EXTEND", [12] = "VOLUME-DELETE",
  [13] = "VOLUME-RESULT", [14] = "PARTITION-ASSIGN", [15] = "PARTITION-RELEASE", [16] = "PARTITION-RESULT",
}

local f = {
  magic = ProtoField.string("vsan.magic", "Magic"),
  version = ProtoField.uint8("vsan.version", "Version"),
  key = ProtoField.uint8("vsan.key_id", "Key id"),
  flags = ProtoField.uint16("vsan.flags", "Flags", base.HEX),
  sender = ProtoField.guid("vsan.sender", "Sender"),
  sender_boot = ProtoField.uint32("vsan.sender_boot", "Sender boot number"),
  sequence = ProtoField.uint64("vsan.sequence", "Sequence"),
  recipient = ProtoField.guid("vsan.recipient", "Recipient"),
  recipient_boot = ProtoField.uint32("vsan.recipient_boot", "Recipient boot number"),
  reply = ProtoField.uint64("vsan.in_reply_to", "In reply to"),
  time = ProtoField.uint64("vsan.time", "Time, ms since 1970"),
  message = ProtoField.uint32("vsan.message_id", "Message id"),
  page = ProtoField.uint16("vsan.page", "Page"),
  pages = ProtoField.uint16("vsan.pages", "Pages"),
  source = ProtoField.ipv6("vsan.source", "Source IP address"),
  destination = ProtoField.ipv6("vsan.destination", "Destination IP address"),
  source_port = ProtoField.uint16("vsan.source_port", "Source port"),
  destination_port = ProtoField.uint16("vsan.destination_port", "Destination port"),
  type = ProtoField.uint16("vsan.type", "Message type", base.DEC, types),
  length = ProtoField.uint16("vsan.data_length", "Data length"),
  data = ProtoField.bytes("vsan.data", "Data area"),
  authenticator = ProtoField.bytes("vsan.authenticator", "Authenticator"),
}
vsan.fields = f

local header = {
  {f.magic, 4}, {f.version, 1}, {f.key, 1}, {f.flags, 2}, {f.sender, 16}, {f.sender_boot, 4}, {f.sequence, 8},
  {f.recipient, 16}, {f.recipient_boot, 4}, {f.reply, 8}, {f.time, 8}, {f.message, 4}, {f.page, 2}, {f.pages, 2},
  {f.source, 16}, {f.destination, 16}, {f.source_port, 2}, {f.destination_port, 2}, {f.type, 2}, {f.length, 2},
}
local HEADER, AUTHENTICATOR = 120, 32

local function is_vsan(buffer)
  return buffer:len() >= HEADER + AUTHENTICATOR and buffer(0, 4):string() == "VSAN"
end

function vsan.dissector(buffer, pinfo, tree)
  if not is_vsan(buffer) then
    return 0
  end
  pinfo.cols.protocol = "VSAN"
  local node = tree:add(vsan, buffer())
  local at = 0
  for _, field in ipairs(header) do
    node:add(field[1], buffer(at, field[2]))
    at = at + field[2]
  end
  local code = buffer(116, 2):uint()
  local name = types[code] or ("type " .. code)
  local info = string.format("%s boot %d seq %s", name, buffer(24, 4):uint(), buffer(28, 8):uint64())
  if buffer(78, 2):uint() > 1 then
    info = info .. string.format(" page %d of %d", buffer(76, 2):uint() + 1, buffer(78, 2):uint())
  end
  if buffer(56, 8):uint64() ~= UInt64(0) then
    info = info .. string.format(" in reply to %s", buffer(56, 8):uint64())
  end
  pinfo.cols.info = info
  node:append_text(", " .. info)
  local length = buffer(118, 2):uint()
  if buffer:len() < HEADER + length + AUTHENTICATOR then
    node:add_expert_info(PI_MALFORMED, PI_ERROR, "shorter than its data length says")
    return buffer:len()
  end
  local data = node:add(f.data, buffer(HEADER, length))
  Dissector.get("cbor"):call(buffer(HEADER, length):tvb(), pinfo, data)
  pinfo.cols.protocol = "VSAN"
  pinfo.cols.info = info
  node:add(f.authenticator, buffer(HEADER + length, AUTHENTICATOR))
  return buffer:len()
end

DissectorTable.get("udp.port"):add(3261, vsan)
-- On other ports it is known by its magic.
vsan:register_heuristic("udp", function(buffer, pinfo, tree)
  if not is_vsan(buffer) then
    return false
  end
  vsan.dissector(buffer, pinfo, tree)
  return true
end)
