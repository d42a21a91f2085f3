"""The settings that RL Zoo publishes for Stable-Baselines3, as they stand there.

https://github.com/DLR-RM/rl-baselines3-zoo, folder hyperparams. "lin_0.001" falls linearly from 0.001 to 0
over `n_timesteps`; `n_envs` copies of the world run at once, and their steps are all counted.
"""

from typing import Any

Settings = dict[str, Any]

SOURCE = "rl-baselines3-zoo, hyperparams/{}, {}"

# dqn.yml, CartPole-v1, "almost tuned" (commit ce95481)
DQN_CARTPOLE: Settings = {
    "n_timesteps": 50_000, "learning_rate": 2.3e-3, "batch_size": 64, "buffer_size": 100_000,
    "learning_starts": 1000, "gamma": 0.99, "target_update_interval": 10, "train_freq": 256,
    "gradient_steps": 128, "exploration_fraction": 0.16, "exploration_final_eps": 0.04,
    "policy_kwargs": {"net_arch": [256, 256]}}

# ppo.yml, CartPole-v1, "tuned" (commit 00128b5)
PPO_CARTPOLE: Settings = {
    "n_envs": 8, "n_timesteps": 100_000, "n_steps": 32, "batch_size": 256, "gae_lambda": 0.8, "gamma": 0.98,
    "n_epochs": 20, "ent_coef": 0.0, "learning_rate": "lin_0.001", "clip_range": "lin_0.2"}

# ppo.yml, Pendulum-v1, "tuned" (commit 00128b5)
PPO_PENDULUM: Settings = {
    "n_envs": 4, "n_timesteps": 100_000, "n_steps": 1024, "gae_lambda": 0.95, "gamma": 0.9, "n_epochs": 10,
    "ent_coef": 0.0, "learning_rate": 1e-3, "clip_range": 0.2, "use_sde": True, "sde_sample_freq": 4}

# sac.yml, Pendulum-v1 (commit 00128b5)
SAC_PENDULUM: Settings = {"n_timesteps": 20_000, "learning_rate": 1e-3}

# td3.yml, Pendulum-v0, "tuned" (commit a02f4fb): half of its steps are random
TD3_PENDULUM: Settings = {
    "n_timesteps": 20_000, "gamma": 0.98, "buffer_size": 200_000, "learning_starts": 10_000,
    "noise_type": "normal", "noise_std": 0.1, "gradient_steps": -1, "train_freq": [1, "episode"],
    "learning_rate": 1e-3, "policy_kwargs": {"net_arch": [400, 300]}}
