"""Words of the whole house, without I/O: ids, time, events, refusals, paging, who acts."""
