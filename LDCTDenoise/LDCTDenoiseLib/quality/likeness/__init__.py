"""Against a reference: PSNR, SSIM, RMSE, MAE in named windows, and FID."""
