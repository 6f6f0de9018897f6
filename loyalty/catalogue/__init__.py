"""The manager's pages of rewards, voucher codes and the policy of spending, in the menu “Programme”."""
