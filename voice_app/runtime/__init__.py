"""The composition root: the only place with concrete engines; settings, engine set, scheduler, session host."""
