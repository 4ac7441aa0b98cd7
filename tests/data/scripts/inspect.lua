function main(file)
  m.setvar("tx.asked", "+1")
  if file == "fail" then error("cannot read " .. file) end
  if string.find(file, "bad", 1, true) then return "bad file " .. file end
end
