-- How AIProvider, ModelPricing and Tenant are, for Argo CD. Only Lua's base library is used, as Argo CD opens no other
-- by default. docs/gitops.md says where to put it.
local generation = obj.metadata.generation
local status = obj.status or {}
local found = {}
for _, condition in ipairs(status.conditions or {}) do
  local observed = condition.observedGeneration or status.observedGeneration
  -- What is said of an earlier spec says nothing of this one.
  if observed == nil or generation == nil or observed == generation then
    found[condition.type] = condition
  end
end

local function is(type, value)
  return found[type] ~= nil and found[type].status == value
end

-- A mistake that a person has to mend.
for _, type in ipairs({"Accepted", "ResolvedRefs"}) do
  if is(type, "False") then
    return {status = "Degraded", message = found[type].reason .. ": " .. (found[type].message or "")}
  end
end

if is("Ready", "True") then
  if is("Suspended", "True") then
    return {status = "Suspended", message = found["Suspended"].message or "Suspended"}
  end
  -- States of the running system: worth reading, and no reason to hold a rollout.
  local notes = {CredentialsValid = "False", BudgetExceeded = "True", CreditExhausted = "True"}
  for _, type in ipairs({"CredentialsValid", "BudgetExceeded", "CreditExhausted"}) do
    if is(type, notes[type]) then
      return {status = "Healthy", message = type .. " is " .. notes[type] .. ": " .. (found[type].message or "")}
    end
  end
  return {status = "Healthy", message = found["Ready"].message or "Ready"}
end

for _, type in ipairs({"Programmed", "Ready"}) do
  if found[type] ~= nil and found[type].status ~= "True" then
    return {status = "Progressing", message = found[type].message or "Gateways have not confirmed it yet"}
  end
end
return {status = "Progressing", message = "The operator has not looked at it yet"}
