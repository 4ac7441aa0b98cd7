-- Finds what ?a=hit says.
function main()
  local a = m.getvar("ARGS.a")
  if a == "hit" then return "Found \"" .. a .. "\"\n\1\0--0-Z--" end
  if a == "error" then error("broken") end
  if a == "loop" then while true do end end
  if a == "memory" then return #string.rep("x", 1000000000) end
end
