"""Everything that touches a device: releases, sessions, pools, acceptance, rollout and virtual boards."""
