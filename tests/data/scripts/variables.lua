-- What m.getvar and m.getvars give, one line of the log each.
local function show(name, ...)
  local value = m.getvar(name, ...)
  m.log(1, name .. "=" .. (value == nil and "nil" or value))
end

function main()
  show("ARGS.a")
  show("args.A")
  show("ARGS.a", "lowercase")
  show("ARGS.a", {"lowercase", "length"})
  show("ARGS.x.y")
  show("ARGS")
  show("&ARGS")
  show("ARGS./a/")
  show("ARGS:a")
  show("NOPE")
  show("TX")
  show("TX.set")
  show("REMOTE_ADDR")
  show("REMOTE_ADDR.x")
  show("REQUEST_HEADERS.user-agent")
  show("HTTP_User-Agent")
  show("RULE.id")
  show("MATCHED_VAR")
  show("ENV.from_rule")
  m.log(1, "none: " .. select("#", m.getvar("ARGS.none")) .. " " .. #m.getvars("ARGS.none") .. " " .. #m.getvars("NOPE"))
  for at, found in ipairs(m.getvars("ARGS", "lowercase")) do
    m.log(1, at .. " " .. found.name .. "=" .. found.value)
  end
  m.log(1, m.getvars("REQUEST_METHOD")[1].name)
end
