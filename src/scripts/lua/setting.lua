-- What a script finds that is not as Lua has it. Runs before each script.

-- These act on the whole server.
os.exit, os.setlocale = nil, nil

-- Nothing counts the instructions of a finaliser.
newproxy = nil

-- Lua's own runs the handler where the error is, and where that is the end of the instructions nothing counts the handler's.
local pcall = pcall
function xpcall(f, handler)
  local function finish(ok, ...)
    if ok then return ok, ... end
    return false, (handler(...))
  end
  return finish(pcall(f))
end
